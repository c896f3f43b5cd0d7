package handlers

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Documents are served to anybody: the pages' assets, the description of the interface, and a page to read it.
type Documents struct {
	openAPI asset
	assets  map[string]asset
	reader  http.Handler
	// readerPolicy lets the reader's own scripts run, by their hashes, and nothing else.
	readerPolicy string
}

type asset struct {
	data []byte
	kind string
	etag string
}

// NewDocuments reads the static files. Reader is the page at /docs that shows /openapi.json.
func NewDocuments(files fs.FS, reader http.Handler) (*Documents, error) {
	d := &Documents{assets: map[string]asset{}, reader: reader, readerPolicy: readerPolicy(reader)}
	names, err := fs.Glob(files, "assets/*")
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	for _, name := range names {
		if d.assets[path.Base(name)], err = readAsset(files, name); err != nil {
			return nil, err
		}
	}
	d.openAPI, err = readAsset(files, "openapi.json")
	return d, err
}

func readAsset(files fs.FS, name string) (asset, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return asset{}, fmt.Errorf("read asset: %w", err)
	}
	sum := sha256.Sum256(data)
	return asset{data, mime.TypeByExtension(path.Ext(name)), `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// Asset answers GET /static/{name}. The pages name an asset together with its content's hash, so that a
// browser may keep it for good.
func (d *Documents) Asset(c echo.Context) error {
	found, ok := d.assets[c.Param("name")]
	if !ok {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	return serve(c, found, "public, max-age=31536000, immutable")
}

// OpenAPI answers GET /openapi.json.
func (d *Documents) OpenAPI(c echo.Context) error { return serve(c, d.openAPI, "public, max-age=300") }

// Reader answers GET /docs and what is below it.
func (d *Documents) Reader(c echo.Context) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentSecurityPolicy, d.readerPolicy)
	h.Set(echo.HeaderCacheControl, "public, max-age=300")
	d.reader.ServeHTTP(c.Response(), c.Request())
	return nil
}

func serve(c echo.Context, a asset, keep string) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, a.kind)
	h.Set(echo.HeaderCacheControl, keep)
	h.Set("ETag", a.etag)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(a.data))
	return nil
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// readerPolicy is a content security policy (CSP level 2) that names the page's inline scripts by SHA-256.
func readerPolicy(reader http.Handler) string {
	var shown capture
	reader.ServeHTTP(&shown, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/docs"}})
	var hashes strings.Builder
	for _, script := range inlineScript.FindAllSubmatch(shown.Bytes(), -1) {
		sum := sha256.Sum256(script[1])
		hashes.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return "default-src 'none'; script-src 'self'" + hashes.String() + "; style-src 'self' 'unsafe-inline'; " +
		"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// capture keeps what a handler writes.
type capture struct {
	bytes.Buffer
	header http.Header
}

func (c *capture) Header() http.Header {
	if c.header == nil {
		c.header = http.Header{}
	}
	return c.header
}

func (*capture) WriteHeader(int) {}
