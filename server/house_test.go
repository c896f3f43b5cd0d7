package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// imports is the import table: what each folder may import beside the standard library. "citycard" is the
// root package; "citycard/" allows every folder. A new arrow is a decision: a record in docs/adr and this
// table change together.
var imports = map[string][]string{
	".":          {},
	"handlers":   {"citycard", "github.com/labstack/echo/v4"},
	"middleware": {"citycard", "github.com/labstack/echo/v4", "github.com/golang-jwt/jwt/v5"},
	"sql": {
		"citycard", "github.com/jmoiron/sqlx", "github.com/jackc/pgx/v5", "modernc.org/sqlite",
		"github.com/pressly/goose/v3",
	},
	"sql/sqltest":                {"github.com/jackc/pgx/v5", "github.com/stretchr/testify"},
	"static":                     {},
	"integrations/alipay":        {"citycard", "github.com/smartwalle", "github.com/sony/gobreaker/v2"},
	"integrations/cardfile":      {"citycard", "github.com/xuri/excelize/v2", "golang.org/x/text"},
	"integrations/keyfile":       {"citycard", "github.com/emmansun/gmsm"},
	"integrations/ledger":        {"citycard", "golang.org/x/mod"},
	"integrations/oidc":          {"citycard", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"},
	"integrations/oidc/oidctest": {"github.com/golang-jwt/jwt/v5", "github.com/stretchr/testify"},
	"integrations/passkey":       {"citycard", "github.com/go-webauthn/webauthn"},
	"integrations/password":      {"citycard", "golang.org/x/crypto", "github.com/pquerna/otp", "github.com/skip2/go-qrcode"},
	"integrations/sandbox":       {"citycard", "github.com/emmansun/gmsm"},
	"integrations/signing":       {"citycard", "github.com/emmansun/gmsm", "golang.org/x/text"},
	"server/bench":               {"citycard", "citycard/integrations/keyfile", "citycard/middleware", "citycard/sql"},
	"server": {
		"citycard", "citycard/", "github.com/alecthomas/kong", "github.com/caarlos0/env/v11",
		"github.com/google/uuid", "github.com/labstack/echo/v4", "github.com/labstack/echo-contrib",
		"github.com/prometheus/client_golang", "github.com/schollz/progressbar/v3", "github.com/swaggest/swgui",
		"golang.org/x/sync", "golang.org/x/sys", "golang.org/x/term", "golang.org/x/text",
	},
}

// folders are the top-level folders there may be; ignored ones hold what the service and the tests produce.
var (
	folders = []string{
		".ci", "docs", "handlers", "integrations", "middleware", "server", "sql", "static", "testdata",
	}
	ignoredFolders = []string{".git", "bin", "data", "node_modules"}
)

// rootForbids are packages and functions that the root may not use: it is given times, identifiers, randomness
// and contexts, and finds none of them itself.
var (
	rootForbidsPackages = []string{
		"os", "crypto/rand", "math/rand", "math/rand/v2", "net", "net/http", "database/sql", "syscall",
		"os/exec", "testing",
	}
	rootForbidsFunctions = []string{
		"time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.Tick", "time.Sleep",
		"time.NewTimer", "time.NewTicker", "context.Background", "context.TODO", "time.LoadLocation",
	}
)

const maxLines = 400

var (
	emptyNames  = regexp.MustCompile(`(^|_)(utils?|common|helpers?|misc|stuff|shared)(_|\.|$)`)
	weakFolders = regexp.MustCompile(`^(base|types?|models?)$`)
	weakGetters = regexp.MustCompile(`^Get[A-Z]`)
	weakTypes   = regexp.MustCompile(`(Impl|Util|Utils|Helper|Manager)$|^I[A-Z][a-z]`)
)

type source struct {
	path   string
	folder string
	lines  int
	syntax *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (slices.Contains(ignoredFolders, entry.Name()) || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, source{name, path.Dir(name), strings.Count(string(text), "\n"), syntax})
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

func TestFoldersImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		allowed, known := imports[file.folder]
		if !assert.True(t, known, "%s: the folder is not in the import table", file.path) || file.isTest() {
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			assert.True(t, isStandard(imported) || isAllowed(imported, allowed), "%s imports %s", file.path, imported)
		}
	}
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return first != "citycard" && !strings.Contains(first, ".")
}

func isAllowed(imported string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(prefix string) bool {
		if prefix == "citycard" {
			return imported == prefix
		}
		return imported == prefix || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/")
	})
}

func TestThereAreNoOtherTopLevelFolders(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(ignoredFolders, entry.Name()) {
			assert.Contains(t, folders, entry.Name())
		}
	}
}

func TestTheRootTakesTimeRandomnessAndContextFromOutside(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if file.folder != "." || file.isTest() {
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			assert.NotContains(t, rootForbidsPackages, imported, file.path)
		}
		for _, used := range selectors(file.syntax) {
			assert.NotContains(t, rootForbidsFunctions, used, file.path)
		}
	}
}

func TestNoTestIsSkippedOrSleeps(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if !file.isTest() && file.folder != "sql/sqltest" {
			continue
		}
		for _, used := range selectors(file.syntax) {
			_, name, _ := strings.Cut(used, ".")
			assert.NotContains(t, []string{"Skip", "Skipf", "SkipNow"}, name, "%s calls %s", file.path, used)
			assert.NotContains(t, []string{"testing.Short", "time.Sleep"}, used, file.path)
		}
	}
}

// selectors lists what a file uses as "package.Name" or "variable.Name".
func selectors(file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if left, ok := selector.X.(*ast.Ident); ok {
				found = append(found, left.Name+"."+selector.Sel.Name)
			}
		}
		return true
	})
	return found
}

func TestFilesAreShortAndNamedByWhatTheyHold(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		assert.LessOrEqual(t, file.lines, maxLines, "%s is too long", file.path)
		for _, part := range strings.Split(file.path, "/") {
			assert.NotRegexp(t, emptyNames, part, "%s says nothing", file.path)
			assert.NotRegexp(t, weakFolders, part, "%s says nothing", file.path)
		}
		for _, declaration := range file.syntax.Decls {
			for _, name := range declaredNames(declaration) {
				assert.NotRegexp(t, weakGetters, name, file.path)
			}
			for _, name := range declaredTypes(declaration) {
				assert.NotRegexp(t, weakTypes, name, file.path)
			}
		}
	}
}

func declaredNames(declaration ast.Decl) []string {
	if function, ok := declaration.(*ast.FuncDecl); ok {
		return []string{function.Name.Name}
	}
	return nil
}

func declaredTypes(declaration ast.Decl) []string {
	general, ok := declaration.(*ast.GenDecl)
	if !ok {
		return nil
	}
	var names []string
	for _, spec := range general.Specs {
		if named, ok := spec.(*ast.TypeSpec); ok {
			names = append(names, named.Name.Name)
		}
	}
	return names
}

func TestTheImportTableNamesOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	for folder := range imports {
		assert.DirExists(t, filepath.Join("..", folder))
	}
}
