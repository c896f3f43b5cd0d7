package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"citycard"
)

const (
	styleFile = "assets/citycard.css"
	// passkeyFile is the one script: asking a device for a passkey cannot be done without.
	passkeyFile = "assets/passkey.js"
)

// frame are the templates every page shares; each other file in their folder is one page.
var frame = []string{"pages/layout.html", "pages/card.html", "pages/notice.html"}

// Templates are the citizen's pages: templates and their texts in both languages, read once at the start.
type Templates struct {
	pages map[string]*template.Template
	texts map[citycard.Lang]map[string]string
	// style is the style sheet's address; it changes with its content, so that browsers may keep it.
	style string
	// passkey is the script's address, of the same kind.
	passkey string
}

// NewTemplates reads pages, texts and style out of the static files. What is missing or does not parse is an
// error that names the file.
func NewTemplates(files fs.FS) (*Templates, error) {
	t := &Templates{pages: map[string]*template.Template{}, texts: map[citycard.Lang]map[string]string{}}
	for _, lang := range []citycard.Lang{citycard.LangZH, citycard.LangEN} {
		texts, err := readTexts(files, "text."+string(lang)+".json")
		if err != nil {
			return nil, err
		}
		t.texts[lang] = texts
	}
	var err error
	if t.style, err = assetAddress(files, styleFile); err != nil {
		return nil, err
	}
	return t, t.parse(files, "pages", frame)
}

// assetAddress is where browsers find an asset; it changes with its content, so that they may keep it.
func assetAddress(files fs.FS, name string) (string, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return "", fmt.Errorf("read asset: %w", err)
	}
	sum := sha256.Sum256(data)
	return "/static/" + path.Base(name) + "?v=" + hex.EncodeToString(sum[:6]), nil
}

// staffFrame is what every page of staff shares.
var staffFrame = []string{"admin/layout.html", "admin/agent.html"}

// NewStaffTemplates reads the pages of staff; their texts come beside those of the citizens' pages.
func NewStaffTemplates(files fs.FS) (*Templates, error) {
	t, err := NewTemplates(files)
	if err != nil {
		return nil, err
	}
	for lang, texts := range t.texts {
		own, err := readTexts(files, "admin/text."+string(lang)+".json")
		if err != nil {
			return nil, err
		}
		maps.Copy(texts, own)
	}
	if t.passkey, err = assetAddress(files, passkeyFile); err != nil {
		return nil, err
	}
	t.pages = map[string]*template.Template{}
	return t, t.parse(files, "admin", staffFrame)
}

// parse reads the pages of a folder, each with the templates that all of them share.
func (t *Templates) parse(files fs.FS, folder string, frame []string) error {
	names, err := fs.Glob(files, folder+"/*.html")
	if err != nil {
		return fmt.Errorf("list pages: %w", err)
	}
	for _, name := range names {
		if slices.Contains(frame, name) {
			continue
		}
		parsed, err := template.New(path.Base(name)).ParseFS(files, append(slices.Clone(frame), name)...)
		if err != nil {
			return fmt.Errorf("parse page: %w", err)
		}
		t.pages[strings.TrimSuffix(path.Base(name), ".html")] = parsed
	}
	return nil
}

func readTexts(files fs.FS, name string) (map[string]string, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("read texts %s: %w", name, err)
	}
	return texts, nil
}
