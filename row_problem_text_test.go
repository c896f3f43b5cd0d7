package citycard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// TestEveryProblemOfARowIsToldInChinese reads the sentences out of the source of whatever judges rows.
func TestEveryProblemOfARowIsToldInChinese(t *testing.T) {
	t.Parallel()
	calls := map[string]int{"refuse": 1, "refuseField": 2, "refuseID": 1, "problem": 1, "New": 0, "unreadableList": 2}
	found := 0
	for _, name := range []string{
		"card_row_parser.go", "import_verdict.go", "id_number.go", "name.go", "card_number.go", "phone.go",
		"integrations/cardfile/csv.go", "reconciliation_file.go",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			place, judges := calls[called]
			if !judges || place >= len(call.Args) {
				return true
			}
			ast.Inspect(call.Args[place], func(part ast.Node) bool {
				literal, ok := part.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				reason, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				if !strings.Contains(reason, " ") || strings.HasPrefix(reason, "a column is not one of ") {
					return true
				}
				found++
				reason = strings.ReplaceAll(reason, "%d", "7")
				text := citycard.RowProblem{Reason: reason}.Text()
				assert.Equal(t, reason, text.EN)
				assert.NotEqual(t, text.EN, text.ZH, "%s: %s", name, reason)
				assert.NotContains(t, text.ZH, "%!", reason)
				return true
			})
			return true
		})
	}
	assert.Greater(t, found, 35)
	_, problems := citycard.CardRules{Policies: &citycard.Policies{}}.Header([]string{"region", "region", "mystery"})
	for _, problem := range append(problems, citycard.RowProblem{Reason: "the line is too long"}) {
		assert.NotEqual(t, problem.Text().EN, problem.Text().ZH, problem.Reason)
	}
	assert.Equal(t, "第 12 位应为数字", citycard.RowProblem{Reason: "character 12 must be a digit"}.Text().ZH)
	assert.Equal(t, "never heard of", citycard.RowProblem{Reason: "never heard of"}.Text().ZH)
}
