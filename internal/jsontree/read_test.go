package jsontree

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plain turns a tree into what encoding/json would give with UseNumber.
func (t Tree) plain(i int32) any {
	switch n := t[i]; n.Kind {
	case False, True:
		return n.Kind == True
	case Number:
		return json.Number(n.Text)
	case String:
		return n.Text
	case Object:
		m := map[string]any{}
		for c := n.First; c != None; c = t[c].Next {
			m[t[c].Key] = t.plain(c)
		}
		return m
	case Array:
		l := []any{}
		for c := n.First; c != None; c = t[c].Next {
			l = append(l, t.plain(c))
		}
		return l
	}
	return nil
}

// registered is a reply as gateways write them.
const registered = `{"errorCode":"0000","message":"Th\u00e0nh c\u00f4ng \ud83d\ude00 đã đăng ký","success":true,"data":{"transId":"MBF-77","at":1740798899}}`

// read reads an object.
func read(body []byte) (Tree, string) {
	t, problem := Read(body, nil)
	if problem == "" && t[0].Kind != Object {
		return nil, "not a JSON object"
	}
	return t, problem
}

// agreesWithStandardLibrary holds the own parser against encoding/json: what it takes
// is JSON and means the same.
func agreesWithStandardLibrary(t *testing.T, body []byte) {
	t.Helper()
	nodes, problem := read(body)
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var want map[string]any
	err := d.Decode(&want)
	if problem == "" {
		require.NoError(t, err)
		require.Equal(t, want, nodes.plain(0))
		return
	}
	if !json.Valid(body) {
		return
	}
	// It may refuse JSON only for what it promises to refuse.
	for _, reason := range []string{"not a JSON object", "a key twice", "not UTF-8", "nested too deep", "malformed escape", "too many values"} {
		if strings.HasPrefix(problem, reason) {
			return
		}
	}
	t.Fatalf("refused valid JSON: %s", problem)
}

var treeSeeds = []string{
	registered, `{}`, ` { } `, `{"a":[]}`, `{"a":[1,-0,0.5,1e9,1E+2,1e-2,-12.50]}`, `{"a":{"b":{"c":[true,false,null]}}}`,
	`{"":""}`, `{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, `{"a":"\ud83d\ude00"}`, `{"a":"ạ\u1ea1"}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`,
	`{"a":1e}`, `{"a":+1}`, `{"a":0x1}`, `{"a":tru}`, `{"a":nul`, `{"a"1}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":[1`,
	`{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\x00\"}", "{\"a\":1}\x00", `{"a":"\ud800"}`, `{"a":1,"a":2}`, `null`, `[]`, `0`, ``,
}

func TestReadAgreesWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, seed := range treeSeeds {
		agreesWithStandardLibrary(t, []byte(seed))
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range treeSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(agreesWithStandardLibrary)
}

func TestReadBounds(t *testing.T) {
	t.Parallel()
	deep := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1))
	}
	_, problem := read(deep(MaxDepth))
	assert.Empty(t, problem)
	_, problem = read(deep(MaxDepth + 1))
	assert.Contains(t, problem, "nested too deep")
	wide := func(n int) []byte { return []byte(`{"a":[1` + strings.Repeat(",1", n-1) + `]}`) }
	_, problem = read(wide(MaxNodes - 2))
	assert.Empty(t, problem)
	_, problem = read(wide(MaxNodes - 1))
	assert.Contains(t, problem, "too many values")
}

// A list of nodes that is used again gives the same tree, and nothing of the one before.
func TestReadAgainInTheSameRoom(t *testing.T) {
	t.Parallel()
	room, _ := Read([]byte(`{"a":[1,2,3],"b":{"c":"secret"}}`), nil)
	again, problem := Read([]byte(`{"x":true}`), room)
	require.Empty(t, problem)
	assert.Equal(t, map[string]any{"x": true}, again.plain(0))
	assert.Len(t, again, 2)
}

func TestFollow(t *testing.T) {
	t.Parallel()
	tree, _ := Read([]byte(`{"a":{"b":"x","n":null},"l":[1]}`), nil)
	for way, want := range map[string]struct {
		text string
		ok   bool
	}{"a.b": {"x", true}, "a.n": {"", true}, "a.c": {"", true}, "a.n.d": {"", true}, "a.b.c": {"", false}, "l.x": {"", false}} {
		at, ok := tree.Follow(0, strings.Split(way, "."))
		assert.Equal(t, want.ok, ok, way)
		if want.text == "" {
			assert.Equal(t, None, at, way)
			continue
		}
		assert.Equal(t, want.text, tree[at].Text, way)
	}
	assert.True(t, tree.IsNull(0, []string{"a", "n"}))
	assert.False(t, tree.IsNull(0, []string{"a", "c"}))
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	tree, _ := Read([]byte(`{"a":{"b":"x","n":null,"t":true},"c":5}`), nil)
	got := map[string]string{}
	assert.True(t, tree.Leaves(0, "", func(way string, n *Node) { got[way] = n.Scalar() }))
	assert.Equal(t, map[string]string{"a.b": "x", "a.n": "", "a.t": "true", "c": "5"}, got)
	tree, _ = Read([]byte(`{"a":[1]}`), nil)
	assert.False(t, tree.Leaves(0, "", func(string, *Node) {}))
}
