package dream

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// page is one page of a list.
type page[T any] struct {
	Data       []T     `json:"data"`
	HasMore    bool    `json:"hasMore"`
	NextCursor *string `json:"nextCursor"`
}

const mostOfAPage = 100

// list goes through all of a list, page by page. An error is the last thing that it yields.
func list[T any](ctx context.Context, c *Client, path string, query url.Values, problem error, mark func(*T, Meta)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		asked := url.Values{"limit": {strconv.Itoa(mostOfAPage)}}
		for name, values := range query {
			asked[name] = values
		}
		for {
			var p page[T]
			meta, err := c.do(ctx, request{method: http.MethodGet, path: path, query: asked, problem: problem}, &p)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.Data {
				mark(&p.Data[i], meta)
				if !yield(&p.Data[i], nil) {
					return
				}
			}
			if !p.HasMore || p.NextCursor == nil {
				return
			}
			asked.Set("cursor", *p.NextCursor)
		}
	}
}
