package citycard_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

var update = flag.Bool("update", false, "write docs/errors.md anew from the catalogue")

// declaredCodes reads the code constants out of code.go.
func declaredCodes(t *testing.T) []string {
	t.Helper()
	file, err := goparser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	require.NoError(t, err)
	var codes []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, value := range spec.Values {
			literal, ok := value.(*ast.BasicLit)
			require.True(t, ok)
			code, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			codes = append(codes, code)
		}
		return true
	})
	return codes
}

func TestEveryCodeIsListedOnce(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, entry := range citycard.Catalogue() {
		listed = append(listed, string(entry.Code))
		assert.Equal(t, entry, citycard.EntryOf(entry.Code))
	}
	codes := declaredCodes(t)
	assert.Greater(t, len(codes), 60)
	assert.ElementsMatch(t, codes, listed)
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	statuses := map[int]string{
		400: "malformed_request invalid_payload content_digest_invalid idempotency_key_required id_length id_charset id_date id_region id_check_digit name_empty name_too_long",
		401: "login_code_invalid credentials_invalid session_required session_expired signature_required insufficient_coverage signature_invalid timestamp_skew key_unknown key_expired",
		403: "role_required identity_mismatch face_required partner_scope partner_suspended bank_not_issuer agent_not_authorised place_not_designated second_person_required caller_not_identified cross_origin",
		404: "card_not_matched not_found",
		405: "method_not_allowed",
		409: "multiple_cards card_not_collected card_temp_lost card_formal_lost card_auto_lost card_frozen card_canceled card_expired social_not_active financial_not_active invalid_transition formal_loss_irrevocable reissue_open request_in_progress nonce_reused two_card_order version_conflict",
		413: "body_too_large",
		415: "unsupported_media_type",
		422: "event_id_reused occurred_in_future password_in_body waiver_reason_required unsupported_document_type",
		429: "rate_limited attempts_locked",
		500: "internal_error",
		503: "platform_unavailable bank_unavailable storage_unavailable read_only",
	}
	total := 0
	for status, codes := range statuses {
		for _, code := range strings.Fields(codes) {
			assert.Equal(t, status, citycard.EntryOf(citycard.Code(code)).Status, code)
			assert.Equal(t, code, string(citycard.EntryOf(citycard.Code(code)).Code))
			total++
		}
	}
	assert.Len(t, citycard.Catalogue(), total)
}

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, entry := range citycard.Catalogue() {
		for _, text := range append([]citycard.Text{entry.Message, entry.Next.Action, entry.Next.Where}, entry.Next.Bring...) {
			assertBilingual(t, text, string(entry.Code))
		}
	}
}

// assertBilingual holds that a text is Chinese in Chinese and not in English, and spares people the
// bureau's word for a card that is not activated.
func assertBilingual(t *testing.T, text citycard.Text, of string) {
	t.Helper()
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	assert.True(t, strings.ContainsFunc(text.ZH, isHan), of)
	assert.NotEmpty(t, text.EN, of)
	assert.False(t, strings.ContainsFunc(text.EN, isHan), of)
	assert.NotContains(t, text.ZH, "封存", of)
	assert.NotContains(t, strings.ToLower(text.EN), "sealed", of)
}

func TestAnUnknownCodeIsAnInternalError(t *testing.T) {
	t.Parallel()
	assert.Equal(t, citycard.CodeInternal, citycard.EntryOf("no_such_code").Code)
}

func TestANextStepInOneLanguage(t *testing.T) {
	t.Parallel()
	step := citycard.NextStep{
		Action: citycard.Text{ZH: "请先领卡", EN: "Collect the card"},
		Where:  citycard.Text{ZH: "窗口", EN: "The counter"},
		Bring:  []citycard.Text{{ZH: "身份证", EN: "Your ID card"}},
	}
	assertJSON(t, `{"action":"请先领卡","where":"窗口","bring":["身份证"]}`, step.In(citycard.LangZH))
	assertJSON(t, `{"action":"Collect the card","where":"The counter","bring":["Your ID card"]}`, step.In(citycard.LangEN))
	assertJSON(t, `{"action":"","where":"","bring":[]}`, citycard.NextStep{}.In(citycard.LangEN))
	assert.Equal(t, "窗口", step.Where.In("fr"), "Chinese is the language of those who asked for neither")
}

func assertJSON(t *testing.T, want string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	assert.Equal(t, want, string(text))
}

func TestErrorsPage(t *testing.T) {
	t.Parallel()
	const path = "docs/errors.md"
	page := errorsPage()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, page, string(written), "run: go test -run TestErrorsPage -update .")
}

func errorsPage() string {
	var page strings.Builder
	page.WriteString("# Error codes\n\nEvery refusal is an `application/problem+json` document (RFC 9457) with one of these stable codes, its message and\n" +
		"its `next_step` in the language asked for. This page is written from the catalogue: `go test -run TestErrorsPage -update .`\n")
	status := 0
	for _, entry := range citycard.Catalogue() {
		if entry.Status != status {
			status = entry.Status
			fmt.Fprintf(&page, "\n## %d %s\n", status, http.StatusText(status))
		}
		fmt.Fprintf(&page, "\n### `%s`\n", entry.Code)
		zh, en := entry.Next.In(citycard.LangZH), entry.Next.In(citycard.LangEN)
		fmt.Fprintf(&page, "\n- %s 怎么办：%s 到哪里：%s。", entry.Message.ZH, zh.Action, zh.Where)
		if len(zh.Bring) > 0 {
			fmt.Fprintf(&page, "带什么：%s。", strings.Join(zh.Bring, "、"))
		}
		fmt.Fprintf(&page, "\n- %s What to do: %s Where: %s.", entry.Message.EN, en.Action, en.Where)
		if len(en.Bring) > 0 {
			fmt.Fprintf(&page, " Bring: %s.", strings.Join(en.Bring, "; "))
		}
		page.WriteString("\n")
	}
	return page.String()
}
