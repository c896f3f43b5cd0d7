// Package alipay reaches the super-app platform's open gateway behind the root's ports: log-in by
// authorization code, comparison of name and citizen ID number (certdoc), and the face check. The SDK signs and
// sends; what comes back is believed only after this package has checked its size, form and signature itself.
package alipay
