package guard

import (
	"path"
	"slices"
	"strings"
)

const modulePath = "github.com/fptshop/mobifone-go"

// The modules that the core may import at all; each room names the ones it may.
const (
	retryable   = "github.com/hashicorp/go-retryablehttp"
	rate        = "golang.org/x/time/rate"
	querystring = "github.com/google/go-querystring"
)

// testOnly are the modules that only test files may import.
var testOnly = []string{
	"github.com/stretchr/testify",
	"github.com/jarcoal/httpmock",
	querystring,
}

// The floors, from the ground up. A room may import every room on a lower floor and
// nothing beside or above it.
const (
	ground = iota
	vocabulary
	catalog
	trees
	fields
	contract
	wire
	transport
	reading
	services
	client
	sale
	roof
	apart // rooms on no floor: nobody may import them unless their name stands in also
)

// room is one package of the core: which floor it is on and what it may import.
type room struct {
	floor      int
	also       []string // rooms allowed beside those on lower floors
	only       []string // when not nil: the whole list of rooms allowed, floors aside
	publicOnly bool     // no internal package, whatever its floor
	thirdParty []string // import paths outside the module and the standard library
}

// rooms is the house of docs/architecture.md. Some rooms are planned, not built: their
// place is fixed before the first file.
var rooms = map[string]room{
	"internal/text":          {floor: ground},
	"mobifone/telco":         {floor: vocabulary},
	"internal/seam":          {floor: vocabulary},
	"packages/catalog":       {floor: catalog},
	"internal/jsontree":      {floor: trees, only: []string{}},
	"internal/field":         {floor: fields, only: []string{"mobifone/telco"}},
	"internal/transid":       {floor: fields, only: []string{"internal/text", "mobifone/telco"}},
	"mobifone/contract":      {floor: contract},
	"internal/wire":          {floor: wire, only: []string{"internal/field", "internal/jsontree", "mobifone/contract", "mobifone/telco"}},
	"internal/transport":     {floor: transport, thirdParty: []string{retryable, rate}},
	"internal/reading":       {floor: reading},
	"packages":               {floor: services},
	"otp":                    {floor: services},
	"registration":           {floor: services},
	"transactions":           {floor: services},
	"transactions/reconcile": {floor: services},
	"mobifone":               {floor: client, thirdParty: []string{rate}},
	"mobifone/sale":          {floor: sale},
	"mobifone/sale/storetest": {
		floor: roof,
	},
	"mobifone/limittest": {
		floor: roof, only: []string{"mobifone", "mobifone/telco"},
	},
	"internal/simulate": {floor: roof, also: []string{"internal/ledger"}},

	// The MobiFone we play must not lean on the client it judges.
	"internal/ledger": {
		floor: apart,
		only:  []string{"internal/field", "internal/wire", "mobifone/contract", "mobifone/telco", "packages/catalog"},
	},
	"mobifone/sandbox": {
		floor: apart,
		only: []string{
			"internal/field", "internal/ledger", "internal/wire", "mobifone/contract", "mobifone/telco", "packages/catalog",
		},
	},
	".":                 {floor: apart, only: []string{}},
	"internal/guard":    {floor: apart, only: []string{}},
	"internal/wiretest": {floor: apart, only: []string{"internal/field", "internal/wire", "mobifone/contract", "mobifone/telco"}},
}

// examples stands for every package below examples/: programs like those users write.
var examples = room{floor: roof, also: []string{"mobifone/sandbox"}, publicOnly: true}

// roomOf finds the room of a package by its directory relative to the module's root.
func roomOf(dir string) (room, bool) {
	if strings.HasPrefix(dir, "examples/") {
		return examples, true
	}
	r, ok := rooms[dir]
	return r, ok
}

// allows says whether a package in room r may import the package in dir, and if not, why.
func (r room) allows(dir string) (bool, string) {
	switch target, known := roomOf(dir); {
	case !known:
		return false, "it is not in the table of rooms"
	case r.only != nil:
		return slices.Contains(r.only, dir), "it is not among the few this package may import"
	case r.publicOnly && isInternal(dir):
		return false, "an example uses only what users can import"
	case slices.Contains(r.also, dir):
		return true, ""
	case target.floor >= r.floor:
		return false, "imports point down only"
	default:
		return true, ""
	}
}

func isInternal(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), "internal")
}

// isTestPackage says whether dir holds helpers for tests, by its name.
func isTestPackage(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }
