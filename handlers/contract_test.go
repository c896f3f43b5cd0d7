package handlers_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// contract is the OpenAPI document that every answer in these tests is held against.
var contract = sync.OnceValues(func() (*openapi3.T, error) {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.RegisteredBodyDecoder("text/plain"))
	doc, err := openapi3.NewLoader().LoadFromFile("../static/openapi.json")
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// parameters turns echo's way of writing a path into OpenAPI's.
var parameters = regexp.MustCompile(`:(\w+)`)

// assertContract holds an answer against the document: its status, headers and body are among those the
// operation names.
func assertContract(t *testing.T, r *http.Request, route string, answer *httptest.ResponseRecorder) {
	t.Helper()
	doc, err := contract()
	require.NoError(t, err)
	path := parameters.ReplaceAllString(route, "{$1}")
	item := doc.Paths.Find(path)
	if item == nil || item.GetOperation(r.Method) == nil {
		return // a path or method that is not served
	}
	result := answer.Result()
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r,
			Route:   &routers.Route{Spec: doc, Path: path, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		},
		Status: result.StatusCode, Header: result.Header, Body: result.Body,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	assert.NoError(t, err, "%s %s %d", r.Method, path, result.StatusCode)
}

// constants reads the values of the root's exported constants of one type out of its source.
func constants(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	var values []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if named, ok := spec.Type.(*ast.Ident); !ok || named.Name != kind || !spec.Names[0].IsExported() {
				return true
			}
			for _, value := range spec.Values {
				literal, ok := value.(*ast.BasicLit)
				require.True(t, ok)
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				values = append(values, text)
			}
			return true
		})
	}
	require.NotEmpty(t, values, kind)
	return values
}

func TestDocumentListsEveryValue(t *testing.T) {
	t.Parallel()
	doc, err := contract()
	require.NoError(t, err)
	schema := func(name string) []any { return doc.Components.Schemas[name].Value.Enum }
	member := func(name, member string) []any {
		return doc.Components.Schemas[name].Value.Properties[member].Value.Enum
	}
	lists := map[string][]any{
		"Code": schema("ErrorCode"), "Channel": schema("Channel"), "FulfilmentState": schema("FulfilmentState"),
		"SocialState": schema("SocialState"), "FinancialState": schema("FinancialState"), "PasswordState": schema("PasswordState"),
		"Machine": member("Transition", "machine"), "Reason": member("Transition", "reason"),
		"ActorKind": member("Transition", "actor_kind"),
	}
	for kind, listed := range lists {
		assert.ElementsMatch(t, constants(t, kind), listed, kind)
	}
}

// TestDocumentNamesItsProblems holds that each operation's problem answers name codes of that status.
func TestDocumentNamesItsProblems(t *testing.T) {
	t.Parallel()
	doc, err := contract()
	require.NoError(t, err)
	word := regexp.MustCompile(`[a-z]+(_[a-z]+)+`)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				if response.Value.Content.Get("application/problem+json") == nil {
					continue
				}
				codes := word.FindAllString(*response.Value.Description, -1)
				assert.NotEmpty(t, codes, "%s %s %s", method, path, status)
				for _, code := range codes {
					entry := citycard.EntryOf(citycard.Code(code))
					assert.Equal(t, code, string(entry.Code), "%s %s", method, path)
					assert.Equal(t, status, strconv.Itoa(entry.Status), "%s %s %s", method, path, code)
				}
			}
		}
	}
}

func TestDocumentIsServedAsItIs(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../static/openapi.json")
	require.NoError(t, err)
	got := send(t, &world{}, newRequest(http.MethodGet, "/openapi.json", ""))
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, string(want), got.Body.String())
	assert.Equal(t, "application/json", got.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=300", got.Header().Get("Cache-Control"))
}
