package cardfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"

	"citycard"
)

// maxUnfolded bounds what an uploaded workbook may unfold to in memory; some 300,000 card rows.
const maxUnfolded = 128 << 20

// zipMark is what a workbook begins with.
const zipMark = "PK\x03\x04"

// Read reads an uploaded file: a workbook where it is one, CSV otherwise. Unlike Open it touches no disk: the file
// comes from wherever the caller keeps it, and a workbook is unfolded in memory. It reads the file once to its end,
// and then from the start again. What is wrong with the file itself is invalid_payload.
func Read(file io.ReadSeeker) (*File, error) {
	seen, err := look(file)
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	if string(seen.start) != zipMark {
		found, err := newCSV(io.NopCloser(file), seen)
		if err != nil {
			return nil, wrongFile(err.Error())
		}
		return &File{Digest: seen.digest, rows: found}, nil
	}
	whole, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	if err := unfolds(whole); err != nil {
		return nil, err
	}
	// With equal limits no part of the workbook is unpacked into a temporary file.
	book, err := excelize.OpenReader(bytes.NewReader(whole), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnfolded, UnzipXMLSizeLimit: maxUnfolded,
	})
	if err != nil {
		return nil, errNoWorkbook
	}
	found, err := firstSheet(book)
	if err != nil {
		return nil, errors.Join(wrongFile("this spreadsheet has no sheet that can be read"), book.Close())
	}
	return &File{Digest: seen.digest, rows: found}, nil
}

var errNoWorkbook = wrongFile("this spreadsheet cannot be read, or it unfolds to more than 128 MB: save it as CSV")

// unfolds refuses an archive that is larger inside than it may be, whatever its directory says: every part is unfolded
// once and thrown away.
func unfolds(whole []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		return errNoWorkbook
	}
	rest := int64(maxUnfolded)
	for _, part := range archive.File {
		content, err := part.Open()
		if err != nil {
			return errNoWorkbook
		}
		n, err := io.Copy(io.Discard, io.LimitReader(content, rest+1))
		rest -= n
		if err != nil || content.Close() != nil || rest < 0 {
			return errNoWorkbook
		}
	}
	return nil
}

func wrongFile(why string) error {
	return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "file", Message: why}
}
