package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/fptshop/mobifone-go/mobifone/contract"
)

// newRequest shows middleware the real bytes; the guard puts them on the wire.
func (c *core) newRequest(ctx context.Context, wire contract.Wire) (*http.Request, error) {
	u := *c.cfg.BaseURL
	u.Path = strings.TrimSuffix(u.Path, "/") + wire.Path
	u.RawPath = ""
	u.RawQuery = wire.RawQuery
	req, err := http.NewRequestWithContext(ctx, wire.Method, u.String(), http.NoBody)
	if err != nil {
		return nil, stripURL(err)
	}
	setBody(req, wire.Body)
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
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, errors.New("the reply is compressed, which was not asked for")
	}
	return body, nil
}
