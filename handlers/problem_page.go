package handlers

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// problemPage is an error as a person reads it, with one thing to do.
type problemPage struct {
	Title     string
	Next      citycard.LocalStep
	RequestID string
	// WaitKey and WaitCount say how long to wait before trying again; empty where waiting does not help.
	WaitKey   string
	WaitCount int
	// ActionKey is the text of the one button, ActionPath where it leads.
	ActionKey  string
	ActionPath string
}

func (h *Pages) problem(c echo.Context, p problem) error {
	body := problemPage{Title: p.Title, Next: p.NextStep, RequestID: p.RequestID}
	body.WaitKey, body.WaitCount = waiting(p.wait)
	body.ActionKey, body.ActionPath = wayOut(c, p)
	if err := h.render(c, p.Status, problemName, body); err != nil {
		return fmt.Errorf("render problem: %w", err)
	}
	return nil
}

// wayOut is the one button of an error page: log in, try again where that may help soon, or go home.
func wayOut(c echo.Context, p problem) (key, path string) {
	r := c.Request()
	ownPage := r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/h5/") && isOwnPage(r.URL.Path)
	back, hasBack := c.Get(backKey).(string)
	passing := p.Status == http.StatusServiceUnavailable || p.Code == citycard.CodeRequestInProgress
	switch {
	case strings.HasPrefix(r.URL.Path, staffHome):
		return "problem.home", staffHome
	case hasBack:
		return "problem.again", back
	case p.Status == http.StatusUnauthorized, passing && strings.HasPrefix(r.URL.Path, "/oauth/"):
		return "problem.log_in", loginStart
	case passing && ownPage:
		return "problem.again", r.URL.Path
	case passing && r.URL.Path == formPath:
		return "problem.again", formPath
	}
	return "problem.home", "/"
}

// waiting puts a waiting time into words: the unit's text and how many of them, rounded up.
func waiting(d time.Duration) (key string, count int) {
	switch {
	case d <= 0:
		return "", 0
	case d <= 90*time.Second:
		return "wait.seconds", int(math.Ceil(d.Seconds()))
	case d <= 90*time.Minute:
		return "wait.minutes", int(math.Ceil(d.Minutes()))
	}
	return "wait.hours", int(math.Ceil(d.Hours()))
}
