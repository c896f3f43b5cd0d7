package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
)

// sheet has every kind of member a request of ours has or may come to have.
type sheet struct {
	Name   string            `json:"name"`
	Count  int               `json:"count"`
	Small  int8              `json:"small,omitempty"`
	Flag   bool              `json:"flag"`
	Note   *string           `json:"note"`
	On     citycard.Date     `json:"on"`
	Time   time.Time         `json:"time"`
	Inner  *inner            `json:"inner"`
	Many   []inner           `json:"many"`
	Words  []string          `json:"words"`
	Labels map[string]string `json:"labels"`
	Raw    json.RawMessage   `json:"raw"`
	Any    any               `json:"any"`
	Hidden string            `json:"-"`
	Plain  string
	secret string
	inherited
}

type inner struct {
	Code  string `json:"code"`
	Inner *inner `json:"inner"`
}

type inherited struct {
	Origin string `json:"origin"`
}

func TestDecodeReads(t *testing.T) {
	t.Parallel()
	var got sheet
	err := handlers.Decode([]byte(" \t\r\n"+`{"name":"\u5f20\ud83d\ude00·/\/","count":-9007199254740991,"flag":true,
		"note":null,"on":"2026-11-22","inner":{"code":"a","inner":null},"many":[{"code":"b"},{}],"words":["x",""],
		"labels":{"A":"1","b":"2"},"raw":{"x":[1]},"Plain":"p","origin":"o","time":"2026-11-22T09:30:00+08:00"}`+"\n"), &got)
	require.NoError(t, err)
	on, err := citycard.ParseDate("2026-11-22")
	require.NoError(t, err)
	assert.True(t, got.Time.Equal(on.Start().Add(9*time.Hour+30*time.Minute)))
	got.Time = time.Time{}
	assert.Equal(t, sheet{
		Name: "张😀·//", Count: -9007199254740991, Flag: true, On: on,
		Inner: &inner{Code: "a"}, Many: []inner{{Code: "b"}, {}}, Words: []string{"x", ""},
		Labels: map[string]string{"A": "1", "b": "2"}, Raw: json.RawMessage(`{"x":[1]}`), Plain: "p",
		inherited: inherited{Origin: "o"},
	}, got)
	assert.Empty(t, got.secret)
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const malformed, invalid = citycard.CodeMalformedRequest, citycard.CodeInvalidPayload
	deep := func(levels int) string {
		return `{"any":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}`
	}
	cases := map[string]struct {
		body  string
		code  citycard.Code
		field string
	}{
		"nothing":                           {"", malformed, ""},
		"only space":                        {" \n", malformed, ""},
		"an array":                          {`[{}]`, malformed, ""},
		"a string":                          {`"a"`, malformed, ""},
		"null":                              {`null`, malformed, ""},
		"byte order mark":                   {"\xef\xbb\xbf{}", malformed, ""},
		"text after it":                     {`{} x`, malformed, ""},
		"two objects":                       {`{}{}`, malformed, ""},
		"a NUL after it":                    {"{}\x00", malformed, ""},
		"form feed as space":                {"{\f}", malformed, ""},
		"invalid UTF-8":                     {"{\"name\":\"\xff\"}", malformed, ""},
		"surrogate in UTF-8":                {"{\"name\":\"\xed\xa0\x80\"}", malformed, ""},
		"UTF-16":                            {"{\x00}\x00", malformed, ""},
		"lone high surrogate":               {`{"name":"\ud800"}`, malformed, "name"},
		"lone low surrogate":                {`{"name":"\udc00"}`, malformed, "name"},
		"high surrogate and a letter":       {`{"name":"\ud800a"}`, malformed, "name"},
		"high surrogate and another escape": {`{"name":"\ud800\n"}`, malformed, "name"},
		"two high surrogates":               {`{"name":"\ud800\ud800"}`, malformed, "name"},
		"NUL escaped":                       {`{"name":"a\u0000b"}`, malformed, "name"},
		"NUL in a member name":              {`{"na\u0000me":"a"}`, malformed, ""},
		"raw control character":             {"{\"name\":\"a\tb\"}", malformed, "name"},
		"unknown escape":                    {`{"name":"\x41"}`, malformed, "name"},
		"short escape":                      {`{"name":"\u12"}`, malformed, "name"},
		"escape at the end":                 {`{"name":"\`, malformed, "name"},
		"signed escape":                     {`{"name":"\u+123"}`, malformed, "name"},
		"string without end":                {`{"name":"abc`, malformed, "name"},
		"object without end":                {`{"name":"abc"`, malformed, ""},
		"array without end":                 {`{"words":["a"`, malformed, "words"},
		"comma at the end":                  {`{"name":"abc",}`, malformed, ""},
		"comma at the end of an array":      {`{"words":["a",]}`, malformed, "words[1]"},
		"comma at the start":                {`{,"name":"abc"}`, malformed, ""},
		"no comma":                          {`{"name":"abc" "count":1}`, malformed, ""},
		"no colon":                          {`{"name" "abc"}`, malformed, "name"},
		"no value":                          {`{"name":}`, malformed, "name"},
		"name without quotes":               {`{name:"abc"}`, malformed, ""},
		"single quotes":                     {`{'name':'abc'}`, malformed, ""},
		"comment":                           {`{/**/"name":"abc"}`, malformed, ""},
		"NaN":                               {`{"count":NaN}`, malformed, "count"},
		"capital true":                      {`{"flag":True}`, malformed, "flag"},
		"word that goes on":                 {`{"flag":truex}`, malformed, ""},
		"member twice":                      {`{"name":"a","name":"a"}`, malformed, "name"},
		"member twice, once escaped":        {`{"name":"a","n\u0061me":"a"}`, malformed, "name"},
		"member twice by case":              {`{"name":"a","NAME":"a"}`, malformed, "NAME"},
		"member twice by Kelvin sign":       {`{"any":{"k":1,"\u212a":1}}`, malformed, "any"},
		"member twice by long s":            {`{"any":{"s":1,"\u017f":1}}`, malformed, "any"},
		"member twice inside":               {`{"inner":{"code":"a","code":"b"}}`, malformed, "inner.code"},
		"member twice in a raw value":       {`{"raw":[{"x":1,"X":1}]}`, malformed, "raw[0].X"},
		"nine levels":                       {deep(8), malformed, "any[0][0][0][0][0][0][0]"},
		"hundred thousand levels":           {deep(100000), malformed, "any[0][0][0][0][0][0][0]"},
		"unknown member":                    {`{"surname":"a"}`, invalid, "surname"},
		"name in capitals":                  {`{"Name":"a"}`, invalid, "Name"},
		"unknown member inside":             {`{"many":[{},{"x":1}]}`, invalid, "many[1].x"},
		"member for inside use":             {`{"Hidden":"a"}`, invalid, "Hidden"},
		"unexported member":                 {`{"secret":"a"}`, invalid, "secret"},
		"unknown member that is no name":    {`{"330106199003078517":"a"}`, invalid, ""},
		"unknown member of another script":  {`{"inner":{"张三":"a"}}`, invalid, "inner"},
		"empty member name":                 {`{"":1}`, invalid, ""},
		"a password":                        {`{"password":"a"}`, citycard.CodePasswordInBody, "password"},
		"a password inside":                 {`{"inner":{"new_Password":"a"}}`, citycard.CodePasswordInBody, "inner.new_Password"},
		"a password in an unknown member":   {`{"extra": {"list":[1,{"passWord":"a"}]}}`, citycard.CodePasswordInBody, "extra"},
		"a password behind an unknown one":  {`{"extra":{"a":1},"inner":{"password":"a"}}`, invalid, "extra"},
		"an unknown member without an end":  {`{"extra":{"a":`, invalid, "extra"},
		"null for a text":                   {`{"name":null}`, invalid, "name"},
		"null for a number":                 {`{"count":null}`, invalid, "count"},
		"null in a list of texts":           {`{"words":[null]}`, invalid, "words[0]"},
		"null for a date":                   {`{"on":null}`, invalid, "on"},
		"number for a text":                 {`{"name":7}`, invalid, "name"},
		"text for a number":                 {`{"count":"7"}`, invalid, "count"},
		"object for a text":                 {`{"name":{"a":1}}`, invalid, "name"},
		"object for a list":                 {`{"many":{"code":"a"}}`, invalid, "many"},
		"list for an object":                {`{"inner":[]}`, invalid, "inner"},
		"list in place of a text":           {`{"name":["a"]}`, invalid, "name"},
		"a day that does not exist":         {`{"on":"2026-02-30"}`, invalid, ""},
		"fraction":                          {`{"count":1.5}`, invalid, "count"},
		"fraction of nothing":               {`{"count":1.0}`, invalid, "count"},
		"exponent":                          {`{"count":1e3}`, invalid, "count"},
		"two to the 53rd":                   {`{"count":9007199254740992}`, invalid, "count"},
		"minus two to the 53rd":             {`{"count":-9007199254740992}`, invalid, "count"},
		"beyond 64 bits":                    {`{"count":99999999999999999999}`, invalid, "count"},
		"beyond the member's own size":      {`{"small":128}`, invalid, "small"},
		"leading zero":                      {`{"count":007}`, invalid, "count"},
		"minus zero":                        {`{"count":-0}`, invalid, "count"},
		"plus sign":                         {`{"count":+1}`, malformed, "count"},
		"only a minus":                      {`{"count":-}`, invalid, "count"},
		"hexadecimal":                       {`{"count":0x10}`, malformed, ""},
		"a large number in an unknown type": {`{"any":[1e400]}`, invalid, "any[0]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got sheet
			err := handlers.Decode([]byte(c.body), &got)
			var coded *citycard.Error
			require.ErrorAs(t, err, &coded)
			assert.Equal(t, c.code, coded.Code, coded.Message)
			assert.Equal(t, c.field, coded.Field)
			require.NoError(t, coded.Cause, "a cause could repeat the value")
		})
	}
}

func TestDecodeAcceptsEightLevels(t *testing.T) {
	t.Parallel()
	var got sheet
	require.NoError(t, handlers.Decode([]byte(`{"any":`+strings.Repeat("[", 7)+strings.Repeat("]", 7)+`}`), &got))
	require.NoError(t, handlers.Decode([]byte(`{"any":{"K":1,"k2":2,"count":9007199254740991}}`), &got))
}

// FuzzDecode compares with encoding/json: what that refuses is refused here, what is accepted here means the
// same there, and the text written again from it is accepted again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"张三","count":1}`, `{"any":{"a":[1,2,{"b":null}]}}`, `{"name":"\ud83d\ude00"}`,
		`{"raw":[1,"x",true]}`, `{"a":1,"A":1}`, `{"many":[{"code":"x","inner":{"code":"y"}}]}`,
		`{"labels":{"x":"1"},"words":["a"]}`, "\xef\xbb\xbf{}", `{"count":1e5}`, `{"on":"2026-11-22","note":"n"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, peer sheet
		err := handlers.Decode(body, &got)
		peerErr := json.Unmarshal(body, &peer)
		if err != nil {
			code := citycard.CodeOf(err)
			assert.Contains(t, []citycard.Code{
				citycard.CodeMalformedRequest, citycard.CodeInvalidPayload, citycard.CodePasswordInBody,
			}, code)
			return
		}
		require.NoError(t, peerErr)
		require.Equal(t, peer, got)
		again, err := json.Marshal(peer.Any)
		require.NoError(t, err)
		require.NoError(t, handlers.Decode([]byte(`{"any":`+string(again)+`}`), &got))
	})
}
