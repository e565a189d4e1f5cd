module github.com/fptshop/mobifone-go/mobifone/sale/sqlstore

go 1.26.0

require (
	github.com/fptshop/mobifone-go v0.0.0
	github.com/pressly/goose/v3 v3.29.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
	modernc.org/sqlite v1.61.1
)

replace github.com/fptshop/mobifone-go => ../../..
