package sql

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"sync"

	driversqlite "modernc.org/sqlite" // the "sqlite" driver
)

// addFunctions gives SQLite what PostgreSQL has and migrations use: sha256(text), in hex.
var addFunctions = sync.OnceValue(func() error {
	return driversqlite.RegisterDeterministicScalarFunction("sha256", 1, func(_ *driversqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, ok := args[0].(string)
		if !ok {
			return nil, errors.New("sha256 is of a text")
		}
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:]), nil
	})
})
