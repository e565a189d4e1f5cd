#!/bin/sh
# Makes the signature vectors in vectors.tsv with the openssl command line alone, so that
# our signer is never its own judge. Run it in this directory. The RSA key is made once
# and is a throwaway: it signs nothing but these vectors.
#
# Columns, separated by tabs: name, scheme, canonical, parts, separator, timestamp unit,
# encoding, key (hex; of HMAC), API key, method, URL, content type, body, epoch
# milliseconds, nonce, request id, where the secret stands, "values" for those without names,
# signature. "-" stands for nothing, \n for a line break.
set -eu
key=TEST-ONLY-rsa2048.pem
[ -f $key ] || openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out $key

tab=$(printf '\t')
out=vectors.tsv
: >$out

hexof() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
sha256() { printf %s "$1" | openssl dgst -sha256 -r | cut -d' ' -f1; }
encode() { # $1 = hex or base64, standard input = raw bytes
	if [ "$1" = base64 ]; then openssl base64 -A; else od -An -v -tx1 | tr -d ' \n'; fi
}
secret_at=-  # first or last, of a plain hash
values_only=-
# row name scheme canonical parts separator unit encoding keyhex apikey method url type body millis nonce request MESSAGE
row() {
	message=${17}
	case $2 in
	hmac-sha256) signature=$(printf %s "$message" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$8" -binary | encode "$7") ;;
	hmac-sha512) signature=$(printf %s "$message" | openssl dgst -sha512 -mac HMAC -macopt "hexkey:$8" -binary | encode "$7") ;;
	legacy-md5) signature=$(printf %s "$message" | openssl dgst -md5 -binary | encode "$7") ;;
	legacy-sha1) signature=$(printf %s "$message" | openssl dgst -sha1 -binary | encode "$7") ;;
	legacy-rsa-sha1) signature=$(printf %s "$message" | openssl dgst -sha1 -sign $key -binary | encode "$7") ;;
	rsa-sha256) signature=$(printf %s "$message" | openssl dgst -sha256 -sign $key -binary | encode "$7") ;;
	esac
	line=$1
	shift
	n=0
	for field in "$@"; do
		n=$((n + 1))
		[ $n -le 15 ] && line=$line$tab${field:--}
	done
	printf '%s\t%s\t%s\t%s\n' "$line" "$secret_at" "$values_only" "$signature" >>$out
}

parts=method,target,timestamp,nonce,requestId,bodyHash
all=apiKey,method,path,query,timestamp,nonce,requestId,body
secret=$(hexof 'test-secret-1')
long=$(hexof 'một khoá thử dài hơn một khối của hàm băm: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789')
ms=1740805200123
s=1740805200
nonce=5f0c1b2a
req=req-0001
json=application/json
form=application/x-www-form-urlencoded
host=https://partner.test

body='{"isdn":"84901234567","packageCode":"C120","note":"Đăng ký gói cước 😀 <&>"}'
row utf8-body hmac-sha256 parts $parts '|' ms hex "$secret" key-1 POST "$host/partner/v1/register" $json "$body" $ms $nonce $req \
	"POST|/partner/v1/register|$ms|$nonce|$req|$(sha256 "$body")"
row prefix-in-path hmac-sha256 parts $parts '|' ms hex "$secret" key-1 POST "$host/gateway/v2/partner/v1/otp" $json '{}' $ms $nonce $req \
	"POST|/gateway/v2/partner/v1/otp|$ms|$nonce|$req|$(sha256 '{}')"
row empty-body-with-query hmac-sha256 parts $parts '|' ms hex "$secret" key-1 GET "$host/partner/v1/transaction?partnerTransId=FPT-1&transId=T%2F1" '' '' $ms $nonce $req \
	"GET|/partner/v1/transaction?partnerTransId=FPT-1&transId=T%2F1|$ms|$nonce|$req|$(sha256 '')"
row unsorted-query hmac-sha256 parts $parts '|' ms hex "$secret" key-1 GET "$host/t?b=2&a-b=3&a=%C4%90&A=0" '' '' $ms $nonce $req \
	"GET|/t?A=0&a=%C4%90&a-b=3&b=2|$ms|$nonce|$req|$(sha256 '')"
row no-path hmac-sha256 parts method,target '' ms hex "$secret" key-1 GET "$host" '' '' $ms $nonce $req "GET/"
row long-key-base64 hmac-sha256 parts $all '\n' s base64 "$long" key-1 POST "$host/v1/x%20y?z=1" $json "$body" $ms $nonce $req \
	"key-1
POST
/v1/x%20y
z=1
$s
$nonce
$req
$body"
row sha512 hmac-sha512 parts $parts '|' ms hex "$secret" key-1 POST "$host/partner/v1/register" $json "$body" $ms $nonce $req \
	"POST|/partner/v1/register|$ms|$nonce|$req|$(sha256 "$body")"
row sha512-long-key hmac-sha512 parts $all '|' s base64 "$long" key-1 GET "$host/v1?b=1" '' '' $ms $nonce $req \
	"key-1|GET|/v1|b=1|$s|$nonce|$req|"
row pairs-json hmac-sha256 sortedPairs '' '' ms hex "$secret" key-1 POST "$host/v1" $json '{"zone":"Hà Nội","amount":120000,"On":true,"id":"a&b=c"}' $ms $nonce $req \
	"On=true&amount=120000&id=a&b=c&zone=Hà Nội"
row pairs-form hmac-sha512 sortedPairs '' '' ms hex "$secret" key-1 POST "$host/v1" $form 'zone=H%C3%A0+N%E1%BB%99i&amount=120000' $ms $nonce $req \
	"amount=120000&zone=Hà Nội"
row pairs-query hmac-sha256 sortedPairs '' '' ms hex "$secret" key-1 GET "$host/v1?b=2&a=x%20y" '' '' $ms $nonce $req "a=x y&b=2"
row rsa-base64 rsa-sha256 parts $parts '|' ms base64 '' key-1 POST "$host/partner/v1/register" $json "$body" $ms $nonce $req \
	"POST|/partner/v1/register|$ms|$nonce|$req|$(sha256 "$body")"
row rsa-hex-query rsa-sha256 parts $parts '|' s hex '' key-1 GET "$host/t?a=1" '' '' $ms $nonce $req \
	"GET|/t?a=1|$s|$nonce|$req|$(sha256 '')"

# What gateways sign in a body: listed members or all in order, with names or without.
order='{"user":"u 1","order":{"id":"T/1","amount":120000,"live":true},"note":"Đăng ký"}'
listed=user,order.id,order.amount,missing
row members-listed hmac-sha256 members $listed '|' ms base64 "$secret" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"user=u 1|order.id=T/1|order.amount=120000|missing="
row members-default-separator hmac-sha512 members $listed '' ms hex "$secret" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"user=u 1&order.id=T/1&order.amount=120000&missing="
row rsa-sha1-sorted legacy-rsa-sha1 sortedPairs '' '&' ms base64 '' key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"note=Đăng ký&order.amount=120000&order.id=T/1&order.live=true&user=u 1"
values_only=values
row members-values hmac-sha512 members $listed '' ms base64 "$long" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"u 1T/1120000"
row sorted-values hmac-sha256 sortedPairs '' '|' ms hex "$secret" key-1 POST "$host/v1" $form 'b=2&a=x%20y' $ms $nonce $req "x y|2"
secret_at=first
row md5-first legacy-md5 members $listed '' ms hex "$secret" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"test-secret-1u 1T/1120000"
row md5-first-separator legacy-md5 members $listed '|' ms base64 "$secret" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"test-secret-1|u 1|T/1|120000|"
secret_at=last
row sha1-last legacy-sha1 sortedPairs '' '' ms hex "$secret" key-1 POST "$host/v1" $form 'b=2&a=x%20y' $ms $nonce $req "x y2test-secret-1"
values_only=-
row sha1-last-separator legacy-sha1 sortedPairs '' '&' ms base64 "$secret" key-1 GET "$host/v1?b=2&a=x%20y" '' '' $ms $nonce $req "a=x y&b=2&test-secret-1"
row md5-parts legacy-md5 parts apiKey,timestamp,requestId '' s hex "$secret" key-1 POST "$host/v1" $json "$order" $ms $nonce $req \
	"key-1$s${req}test-secret-1"
