package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	maxDelay     = 60_000
	maxFailNext  = 1_000_000
	jsonLimit    = 16 << 10
	codeUnknown  = 20000
	codeOverload = 40005
)

// Faults are the switches that make the gateway misbehave. They hold for POST /gateway.do only.
type Faults struct {
	// DelayMS holds the reply back that many milliseconds, at most 60000; the call itself is carried out.
	DelayMS int `json:"delay_ms"`
	// Status answers with that HTTP status (400 to 599) and without carrying the call out; 20000 and 40005
	// answer with the platform's own signed error of that code.
	Status int `json:"status"`
	// DropReply carries the call out and then closes the connection.
	DropReply bool `json:"drop_reply"`
	// BadSignature signs wrongly, NoSignature not at all.
	BadSignature bool `json:"bad_signature"`
	NoSignature  bool `json:"no_signature"`
	// OpenIDOnly leaves user_id and union_id out of token replies, as for newly registered applications.
	OpenIDOnly bool `json:"open_id_only"`
	// FailNext is how many calls are still to misbehave, after which every switch is off; 0 means until changed.
	FailNext int `json:"fail_next"`
	// Methods are the gateway methods that misbehave; empty means all.
	Methods []string `json:"methods"`
}

func (f Faults) check() error {
	switch {
	case f.DelayMS < 0 || f.DelayMS > maxDelay:
		return errors.New("delay_ms must be 0 to 60000")
	case f.Status != 0 && f.Status != codeUnknown && f.Status != codeOverload && (f.Status < 400 || f.Status > 599):
		return errors.New("status must be 0, an HTTP status of 400 to 599, or 20000 or 40005")
	case f.FailNext < 0 || f.FailNext > maxFailNext:
		return errors.New("fail_next must be 0 to 1000000")
	}
	for _, method := range f.Methods {
		if _, known := methods[method]; !known {
			return errors.New("methods must name gateway methods of this stand-in")
		}
	}
	return nil
}

// faultSwitch holds the present faults.
type faultSwitch struct {
	mu  sync.Mutex
	now Faults
}

// take gives the faults for one call of a method, and counts it.
func (s *faultSwitch) take(method string) Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.now.Methods) > 0 && !slices.Contains(s.now.Methods, method) {
		return Faults{}
	}
	taken := s.now
	if s.now.FailNext > 0 {
		if s.now.FailNext--; s.now.FailNext == 0 {
			s.now = Faults{}
		}
	}
	return taken
}

func (s *faultSwitch) read() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.now
	if faults.Methods == nil {
		faults.Methods = []string{}
	}
	return faults
}

func (s *faultSwitch) set(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = faults
}

func (s *Sandbox) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.faults.read())
}

// putFaults replaces all switches; what is not named is off.
func (s *Sandbox) putFaults(w http.ResponseWriter, r *http.Request) {
	var faults Faults
	if err := readJSON(r, &faults); err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	if err := faults.check(); err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	s.faults.set(faults)
	writeJSON(w, http.StatusOK, s.faults.read())
}

// holdBack waits for the delay, or until the caller is gone.
func holdBack(ctx context.Context, delay time.Duration) {
	if delay <= 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// readJSON reads one JSON object without unknown members.
func readJSON(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, jsonLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.New("the body must be one JSON object with the documented members")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body must be one JSON object and nothing else")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(marshalReply(value))
}

func writeError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}
