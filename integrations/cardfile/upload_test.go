package cardfile_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"citycard"
	"citycard/integrations/cardfile"
)

// workbook is a spreadsheet of the given rows.
func workbook(t *testing.T, rows ...[]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		require.NoError(t, err)
		require.NoError(t, book.SetSheetRow("Sheet1", cell, &row))
	}
	var data bytes.Buffer
	require.NoError(t, book.Write(&data))
	return data.Bytes()
}

// bomb is a workbook whose sheet holds the given megabytes of blanks; where it lies, its directory says one byte.
func bomb(t *testing.T, megabytes int, lies bool) []byte {
	t.Helper()
	from, err := zip.NewReader(bytes.NewReader(workbook(t, []any{"region"})), int64(len(workbook(t, []any{"region"}))))
	require.NoError(t, err)
	var data bytes.Buffer
	to := zip.NewWriter(&data)
	for _, file := range from.File {
		if !strings.HasPrefix(file.Name, "xl/worksheets/sheet") {
			require.NoError(t, to.Copy(file))
			continue
		}
		blanks := bytes.Repeat([]byte{' '}, 1<<20)
		var packed bytes.Buffer
		squeeze, err := flate.NewWriter(&packed, flate.BestCompression)
		require.NoError(t, err)
		sum := crc32.NewIEEE()
		for range megabytes {
			_, err := io.MultiWriter(squeeze, sum).Write(blanks)
			require.NoError(t, err)
		}
		require.NoError(t, squeeze.Close())
		header := &zip.FileHeader{
			Name: file.Name, Method: zip.Deflate, CRC32: sum.Sum32(),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(megabytes) << 20,
		}
		if lies {
			header.UncompressedSize64 = 1
		}
		part, err := to.CreateRaw(header)
		require.NoError(t, err)
		_, err = part.Write(packed.Bytes())
		require.NoError(t, err)
	}
	require.NoError(t, to.Close())
	return data.Bytes()
}

func TestUploadsAreReadWithoutADisk(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	for name, data := range map[string][]byte{
		"CSV":          []byte("region,name\n320100,张三\n\"broken\n"),
		"spreadsheet":  workbook(t, []any{"region", "name"}, []any{"320100", "张三"}),
		"large sheet":  workbook(t, append([][]any{{"region", "name"}, {"320100", "张三"}}, wide(20_000)...)...),
		"GB18030":      []byte("region,name\n320100,\xd5\xc5\xc8\xfd\n"),
		"with a mark":  []byte("\ufeffregion,name\n320100,张三\n"),
		"one line end": []byte("region,name\n320100,张三"),
	} {
		file, err := cardfile.Read(bytes.NewReader(data))
		require.NoError(t, err, name)
		var rows citycard.CardRows = file
		header, err := rows.NextRow()
		require.NoError(t, err, name)
		assert.Equal(t, []string{"region", "name"}, []string{strings.TrimPrefix(header.Fields[0], "\ufeff"), header.Fields[1]}, name)
		row, err := rows.NextRow()
		require.NoError(t, err, name)
		assert.Equal(t, citycard.RawRow{Line: 2, Fields: []string{"320100", "张三"}}, row, name)
		if name == "CSV" {
			row, err = rows.NextRow()
			require.NoError(t, err)
			assert.Equal(t, citycard.RawRow{Line: 3, Problem: "a quote is not closed on its line"}, row)
			_, err = rows.NextRow()
			require.ErrorIs(t, err, io.EOF)
			assert.InDelta(t, 1, rows.Done(), 0)
		}
		require.NoError(t, rows.Close())
	}
}

func wide(n int) [][]any {
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{"320100", strings.Repeat("x", 500)}
	}
	return rows
}

func TestUploadsThatAreNoCardFiles(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"UTF-16":                      {[]byte("\xff\xfea\x00"), "UTF-16"},
		"half a spreadsheet":          {[]byte("PK\x03\x04rest"), "cannot be read"},
		"a spreadsheet that unfolds":  {bomb(t, 200, false), "unfolds to more than 128 MB"},
		"a spreadsheet that lies":     {bomb(t, 200, true), "unfolds to more than 128 MB"},
		"a document, not a workbook":  {zipped(t, "word/document.xml"), "cannot be read"},
		"an archive of something bad": {zipped(t, "../../etc/passwd"), "cannot be read"},
	} {
		_, err := cardfile.Read(bytes.NewReader(c.data))
		require.Error(t, err, name)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), name)
		assert.Contains(t, err.Error(), c.want, name)
	}
	_, err := cardfile.Read(unreadable{})
	require.ErrorIs(t, err, os.ErrClosed)
	assert.NotEqual(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), "a failure of ours is none of the file")
}

func zipped(t *testing.T, name string) []byte {
	t.Helper()
	var data bytes.Buffer
	to := zip.NewWriter(&data)
	_, err := to.Create(name)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return data.Bytes()
}

type unreadable struct{}

func (unreadable) Read([]byte) (int, error)       { return 0, os.ErrClosed }
func (unreadable) Seek(int64, int) (int64, error) { return 0, errors.New("not here") }
