package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/fptshop/mobifone-go/internal/wire"
)

// newRequest shows middleware the real bytes; the guard puts them on the wire.
func (c *core) newRequest(ctx context.Context, encoded wire.Request) (*http.Request, error) {
	u := *c.cfg.BaseURL
	u.Path = strings.TrimSuffix(u.Path, "/") + encoded.Path
	u.RawPath = ""
	u.RawQuery = encoded.RawQuery
	req, err := http.NewRequestWithContext(ctx, encoded.Method, u.String(), http.NoBody)
	if err != nil {
		return nil, stripURL(err)
	}
	setBody(req, encoded.Body)
	return req, nil
}

// readBody reads a whole reply within the contract's bound. A reply that goes on is
// unreadable and its connection is dropped.
func (c *core) readBody(resp *http.Response) ([]byte, error) {
	if resp.StatusCode < 200 { // behind a 101 is the bare connection: no deadline ends reading it
		return nil, errors.New("the partner answered with a status that ends no request")
	}
	limit := c.cfg.Contract.Limits().ReplyBytesMax
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the reply is longer than %d bytes", limit)
	}
	if encoded(resp.Header) {
		return nil, errors.New("the reply is compressed, which was not asked for")
	}
	return body, nil
}

// encoded reports whether any of a reply's Content-Encoding lines names anything but
// identity: of such a reply the bytes are not what the partner said.
func encoded(h http.Header) bool {
	for _, line := range h.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}
