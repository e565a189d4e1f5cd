package contract_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

const (
	soapOpen  = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><message>`
	soapClose = `</message></soap:Body></soap:Envelope>`
)

// soap is a codec for a MobiFone that speaks XML in a SOAP envelope: a member is an element
// of its name, and the elements below one of lists are rows. It knows no operation and no
// field, so that it serves the client and the sandbox alike.
type soap struct{ lists []string }

func (c soap) Write(_ contract.Message, doc []byte) (contentType string, body []byte, err error) {
	var message map[string]any
	numbers := json.NewDecoder(bytes.NewReader(doc))
	numbers.UseNumber()
	if err := numbers.Decode(&message); err != nil {
		return "", nil, err
	}
	b := bytes.NewBufferString(xml.Header + soapOpen)
	writeMembers(b, message)
	b.WriteString(soapClose)
	return "text/xml; charset=utf-8", b.Bytes(), nil
}

func writeMembers(b *bytes.Buffer, members map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		b.WriteString("<" + name + ">")
		switch v := members[name].(type) {
		case map[string]any:
			writeMembers(b, v)
		case []any:
			for _, row := range v {
				writeMembers(b, map[string]any{"item": row})
			}
		default:
			_ = xml.EscapeText(b, fmt.Append(nil, v)) // a buffer takes everything
		}
		b.WriteString("</" + name + ">")
	}
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Elements []element `xml:",any"`
}

func (c soap) Read(_ contract.Message, _ string, body []byte) ([]byte, error) {
	var envelope element
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&envelope); err != nil {
		return nil, err
	}
	_, end := d.Token()
	if !errors.Is(end, io.EOF) || len(envelope.Elements) != 1 || len(envelope.Elements[0].Elements) != 1 {
		return nil, errors.New("want one envelope with one body with one message, and nothing behind it")
	}
	message, err := c.value(envelope.Elements[0].Elements[0])
	if err != nil {
		return nil, err
	}
	return json.Marshal(message)
}

func (c soap) value(e element) (any, error) {
	rows, members := []any{}, map[string]any{}
	for _, inner := range e.Elements {
		v, err := c.value(inner)
		if err != nil {
			return nil, err
		}
		rows, members[inner.XMLName.Local] = append(rows, v), v
	}
	switch {
	case slices.Contains(c.lists, e.XMLName.Local):
		return rows, nil
	case len(rows) != len(members):
		return nil, errors.New("an element stands twice")
	case len(members) > 0:
		return members, nil
	case e.Text == "":
		return nil, nil //nolint:nilnil // an empty element says nothing
	}
	return e.Text, nil
}

// A MobiFone that speaks XML: the document says what is said, the codec how.
func ExampleCodec() {
	document, err := os.ReadFile("testdata/xml.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := contract.Load(document)
	if err != nil {
		fmt.Println(err)
		return
	}
	spoken := soap{lists: []string{"packages", "transactions"}}
	c = c.WithCodec(spoken) // for mobifone.WithContract, and for sandbox.Config

	_, body, err := spoken.Write(contract.Message{}, []byte(`{"header":{"command":"OTP"},"body":{"isdn":"912345678"}}`))
	fmt.Println(string(body[len(xml.Header)+len(soapOpen):len(body)-len(soapClose)]), err)
	said, err := spoken.Read(contract.Message{Reply: true}, "text/xml", body)
	fmt.Println(string(said), err)
	fmt.Println(c.Document().Name)
	// Output:
	// <body><isdn>912345678</isdn></body><header><command>OTP</command></header> <nil>
	// {"body":{"isdn":"912345678"},"header":{"command":"OTP"}} <nil>
	// xml-for-tests
}
