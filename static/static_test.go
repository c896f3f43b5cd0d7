package static_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/static"
)

func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := fs.ReadFile(static.FS, "text."+lang+".json")
	require.NoError(t, err)
	var found map[string]string
	require.NoError(t, json.Unmarshal(data, &found))
	require.NotEmpty(t, found)
	return found
}

// staffTexts are the texts of the pages of staff alone.
func staffTexts(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := fs.ReadFile(static.FS, "admin/text."+lang+".json")
	require.NoError(t, err)
	var found map[string]string
	require.NoError(t, json.Unmarshal(data, &found))
	return found
}

func TestTextsOfStaffAreThereInBothLanguagesAndNamedByTheirPages(t *testing.T) {
	t.Parallel()
	zh, en := staffTexts(t, "zh"), staffTexts(t, "en")
	assert.Equal(t, keys(zh), keys(en))
	citizens := texts(t, "zh")
	named := regexp.MustCompile(`\.T "([a-z_.]+)"`)
	prefixed := regexp.MustCompile(`\.(?:T \(printf|Label) "([a-z]+\.[a-z_]*)(?:%s)?"`)
	used, prefixes := map[string]bool{}, []string{}
	names, err := fs.Glob(static.FS, "admin/*.html")
	require.NoError(t, err)
	for _, name := range names {
		page, err := fs.ReadFile(static.FS, name)
		require.NoError(t, err)
		for _, match := range named.FindAllStringSubmatch(string(page), -1) {
			used[match[1]] = true
			assert.True(t, zh[match[1]] != "" || citizens[match[1]] != "", "%s: %s", name, match[1])
		}
		for _, match := range prefixed.FindAllStringSubmatch(string(page), -1) {
			prefixes = append(prefixes, match[1])
		}
	}
	for key, text := range zh {
		assert.Equal(t, verb.FindAllString(text, -1), verb.FindAllString(en[key], -1), key)
		byValue := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		assert.True(t, used[key] || byValue, "%s is left over", key)
	}
	for _, reason := range constants(t, "ReissueReason") {
		assert.NotEmpty(t, zh["staff.reason_"+reason])
	}
	for _, state := range constants(t, "ReissueState") {
		assert.NotEmpty(t, zh["staff.reissue_"+state])
	}
}

func keys(texts map[string]string) []string {
	var found []string
	for key := range texts {
		found = append(found, key)
	}
	slices.Sort(found)
	return found
}

var verb = regexp.MustCompile(`%[a-z]`)

func TestTextsAreThereInBothLanguages(t *testing.T) {
	t.Parallel()
	zh, en := texts(t, "zh"), texts(t, "en")
	assert.Equal(t, keys(zh), keys(en))
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	for key, text := range zh {
		assert.NotEmpty(t, strings.TrimSpace(text), key)
		assert.Equal(t, verb.FindAllString(text, -1), verb.FindAllString(en[key], -1), "the same verbs: %s", key)
		assert.NotContains(t, text, "封存", key)
		assert.NotContains(t, strings.ToLower(en[key]), "sealed", key)
		assert.False(t, strings.ContainsFunc(en[key], isHan), key)
		if key != "html.lang" && !strings.HasPrefix(key, "list.") {
			assert.True(t, strings.ContainsFunc(text, isHan), key)
		}
	}
}

// TestPagesNameOnlyTextsThatExist also holds that no text is left over. Texts that a page names by a state are
// those of the root's constants.
func TestPagesNameOnlyTextsThatExist(t *testing.T) {
	t.Parallel()
	var used []string
	named := regexp.MustCompile(`\.T "([a-z_.]+)"`)
	names, err := fs.Glob(static.FS, "pages/*.html")
	require.NoError(t, err)
	for _, name := range names {
		page, err := fs.ReadFile(static.FS, name)
		require.NoError(t, err)
		for _, match := range named.FindAllStringSubmatch(string(page), -1) {
			used = append(used, match[1])
		}
	}
	for prefix, kind := range map[string]string{
		"social": "SocialState", "financial": "FinancialState", "password": "PasswordState", "fulfilment": "FulfilmentState",
		"machine": "Machine", "channel": "Channel",
	} {
		for _, value := range constants(t, kind) {
			used = append(used, prefix+"."+value)
		}
	}
	// The error page names these by what it has to say.
	used = append(used, "problem.log_in", "problem.again", "problem.home", "wait.seconds", "wait.minutes", "wait.hours")
	slices.Sort(used)
	assert.Equal(t, slices.Compact(used), keys(texts(t, "zh")))
}

// constants reads the values of the root's exported constants of one type out of its source.
func constants(t *testing.T, kind string) []string {
	t.Helper()
	names, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	var values []string
	for _, name := range names {
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

// TestColoursCanBeRead holds the style sheet's colours to WCAG 2.2 AA: 4.5 to 1 for text, in both schemes.
func TestColoursCanBeRead(t *testing.T) {
	t.Parallel()
	style, err := fs.ReadFile(static.FS, "assets/citycard.css")
	require.NoError(t, err)
	light, dark, found := strings.Cut(string(style), "prefers-color-scheme: dark")
	require.True(t, found)
	dark, _, _ = strings.Cut(dark, "* {")
	pairs := [][2]string{
		{"ink", "paper"}, {"ink", "sheet"}, {"ink", "care-tint"}, {"soft", "paper"}, {"soft", "sheet"},
		{"brand", "paper"}, {"brand", "sheet"}, {"brand", "tint"}, {"on-brand", "brand"}, {"on-brand", "brand-deep"},
		{"good", "sheet"}, {"good", "good-tint"}, {"care", "sheet"}, {"care", "care-tint"}, {"bad", "sheet"}, {"bad", "bad-tint"},
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		for _, pair := range pairs {
			ratio := contrast(colour(t, text, pair[0]), colour(t, text, pair[1]))
			assert.GreaterOrEqual(t, ratio, 4.5, "%s on %s, %s", pair[0], pair[1], scheme)
		}
	}
}

func colour(t *testing.T, style, name string) [3]float64 {
	t.Helper()
	match := regexp.MustCompile(`--` + name + `: #([0-9a-f]{6});`).FindStringSubmatch(style)
	require.NotNil(t, match, name)
	var parts [3]float64
	for i := range parts {
		n, err := strconv.ParseUint(match[1][2*i:2*i+2], 16, 8)
		require.NoError(t, err)
		parts[i] = float64(n) / 255
	}
	return parts
}

// contrast is WCAG's ratio of two colours' relative luminance.
func contrast(a, b [3]float64) float64 {
	bright, dim := max(luminance(a), luminance(b)), min(luminance(a), luminance(b))
	return (bright + 0.05) / (dim + 0.05)
}

func luminance(c [3]float64) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		part := c[i] / 12.92
		if c[i] > 0.04045 {
			part = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
		sum += weight * part
	}
	return sum
}

func TestStyleNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	style, err := fs.ReadFile(static.FS, "assets/citycard.css")
	require.NoError(t, err)
	assert.NotContains(t, string(style), "url(")
	assert.NotContains(t, string(style), "@import")
}
