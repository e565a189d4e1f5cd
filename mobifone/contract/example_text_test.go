package contract_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/contract"
	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// piped is a codec for a MobiFone whose replies are a line such as 0|OK|4711: it names what
// stands where. Requests are JSON here, and pass as they are.
type piped map[telco.Operation][]string

func (c piped) Write(m contract.Message, doc []byte) (contentType string, body []byte, err error) {
	if !m.Reply {
		return "application/json", doc, nil
	}
	var said map[string]any
	if err := json.Unmarshal(doc, &said); err != nil {
		return "", nil, err
	}
	var line []string
	for _, name := range c[m.Operation] {
		text := ""
		if v := said[name]; v != nil {
			text = strings.NewReplacer("|", " ", "\n", " ").Replace(fmt.Sprint(v))
		}
		line = append(line, text)
	}
	return "text/plain; charset=utf-8", []byte(strings.Join(line, "|")), nil
}

func (c piped) Read(m contract.Message, _ string, body []byte) ([]byte, error) {
	names, line := c[m.Operation], strings.Split(strings.TrimSuffix(string(body), "\n"), "|")
	if !m.Reply {
		return body, nil
	}
	if len(line) < 2 || len(line) > len(names) {
		return nil, errors.New("not a line of this operation") // so that half a page of HTML is no code
	}
	said := map[string]string{}
	for i, text := range line {
		if text != "" {
			said[names[i]] = text
		}
	}
	return json.Marshal(said)
}

// pipedDocument describes what the lines say: an order-style MobiFone with flat answers.
func pipedDocument() contract.Document {
	doc := contract.Default().Document()
	doc.Name = "piped"
	for op := range doc.Operations {
		if op != telco.OpOTP && op != telco.OpRegister {
			delete(doc.Operations, op)
		}
	}
	request := doc.Operations[telco.OpOTP]
	request.Response, request.Echo = map[string]string{"transId": "order", "otpTTL": "ttl"}, nil
	register := doc.Operations[telco.OpRegister]
	register.Request = map[string]string{"transId": "order", "otp": "otp"}
	register.Response, register.Echo = map[string]string{"transId": "order", "attemptsLeft": "tries"}, []string{"transId"}
	doc.Envelope = contract.Envelope{Code: []string{"code"}, Message: []string{"text"}, SuccessCodes: doc.Envelope.SuccessCodes}
	doc.Auth = contract.Auth{Scheme: "api-key", Headers: contract.AuthNames{APIKey: "X-Api-Key"}}
	return doc
}

var line = piped{
	telco.OpOTP:      {"code", "text", "order", "ttl"},
	telco.OpRegister: {"code", "text", "order", "tries"},
}

// A MobiFone that answers with a line of text.
func ExampleCodec_text() {
	said, err := line.Read(contract.Message{Operation: telco.OpRegister, Reply: true}, "text/plain", []byte("0000|OK|4711\n"))
	fmt.Println(string(said), err)
	_, err = line.Read(contract.Message{Operation: telco.OpRegister, Reply: true}, "text/html", []byte("<html>"))
	fmt.Println(err)
	_, body, err := line.Write(contract.Message{Operation: telco.OpOTP, Reply: true}, []byte(`{"code":"0000","text":"OK","order":"4711","ttl":180}`))
	fmt.Println(string(body), err)
	// Output:
	// {"code":"0000","order":"4711","text":"OK"} <nil>
	// not a line of this operation
	// 0000|OK|4711|180 <nil>
}
