package main

import (
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"citycard"
)

// metrics measures requests, callbacks, the process and the Go runtime.
type metrics struct {
	registry  *prometheus.Registry
	callbacks *prometheus.CounterVec
	keyDays   *prometheus.GaugeVec
}

func newMetrics() metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "citycard_build_info", Help: "Always 1; the labels name the running version.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit},
	}, func() float64 { return 1 }))
	callbacks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "citycard_callbacks_total",
		Help: "Messages of partners and of the platform by what became of them; partner is empty where the sender was not proven.",
	}, []string{"partner", "profile", "outcome", "code"})
	registry.MustRegister(callbacks)
	keyDays := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "citycard_partner_key_days_left",
		Help: "Days until a partner's last key of a type ends, of keys that end within 60 days without a successor.",
	}, []string{"partner", "key", "type"})
	registry.MustRegister(keyDays)
	return metrics{registry, callbacks, keyDays}
}

// endingKeys shows the keys that need a successor, and no others any longer.
func (m metrics) endingKeys(warnings []citycard.KeyWarning) {
	m.keyDays.Reset()
	for _, w := range warnings {
		m.keyDays.WithLabelValues(w.AppID, w.KeyID, string(w.Type)).Set(float64(w.DaysLeft))
	}
}

// callback counts one message. Its labels are ours: a registered app, and codes of fixed lists.
func (m metrics) callback(kind citycard.CallbackKind) {
	m.callbacks.WithLabelValues(kind.AppID, string(kind.Profile), string(kind.Outcome), kind.Code).Inc()
}

// middleware counts and times requests by route. What the caller may choose freely, path, host and method, is
// no label: each new value would be a new series.
func (m metrics) middleware() echo.MiddlewareFunc {
	return echoprometheus.NewMiddlewareWithConfig(echoprometheus.MiddlewareConfig{
		Namespace: "citycard", Subsystem: "http", Registerer: m.registry, DoNotUseRequestPathFor404: true,
		LabelFuncs: map[string]echoprometheus.LabelValueFunc{
			"host":   func(echo.Context, error) string { return "" },
			"url":    func(c echo.Context, _ error) string { return c.Path() },
			"method": func(c echo.Context, _ error) string { return knownMethod(c.Request().Method) },
		},
	})
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// handler answers GET /metrics and, where asked to, profiles of the process at /debug/pprof/.
func (m metrics) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
