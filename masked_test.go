package citycard_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

type everythingPersonal struct {
	Number  citycard.IDNumber
	Name    citycard.Name
	Phone   citycard.Phone
	Account citycard.AccountNumber
}

type personal interface {
	fmt.Stringer
	fmt.GoStringer
	Reveal() string
}

func TestPersonalDataPrintsMaskedEverywhere(t *testing.T) {
	t.Parallel()
	account, err := citycard.ParseAccountNumber("6222021234567890128")
	require.NoError(t, err)
	person := everythingPersonal{
		citycard.RestoreIDNumber("11010519491231002X"), citycard.RestoreName("欧阳锋"),
		citycard.RestorePhone("13812345678"), account,
	}
	values := []struct {
		value  personal
		masked string
	}{
		{person.Number, "110***********002X"},
		{person.Name, "欧*锋"},
		{person.Phone, "138****5678"},
		{person.Account, "***************0128"},
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%o", "%e", "%30v"} {
			assert.Equal(t, v.masked, fmt.Sprintf(verb, v.value), verb)
		}
		assert.Equal(t, fmt.Sprintf("%q", v.masked), fmt.Sprintf("%q", v.value))
		assert.Equal(t, v.masked, v.value.GoString())
		assert.Equal(t, v.masked, v.value.String())
	}

	var written bytes.Buffer
	slog.New(slog.NewJSONHandler(&written, nil)).Info("seen", "person", person, "number", person.Number)
	slog.New(slog.NewTextHandler(&written, nil)).Info("seen", "person", person, "name", person.Name)
	require.NoError(t, json.NewEncoder(&written).Encode(person))
	require.NoError(t, xml.NewEncoder(&written).Encode(person))
	fmt.Fprintf(&written, "%v %+v %#v %v", person, person, person, &person)
	for _, v := range values {
		assert.NotContains(t, written.String(), v.value.Reveal())
		assert.Contains(t, written.String(), v.masked)
	}
}
