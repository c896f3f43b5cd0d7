// Package passkey speaks Web Authentication with the browsers of staff.
package passkey
