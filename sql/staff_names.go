package sql

import "context"

// StaffNames gives the names of staff accounts by their ids; of ids that are no account's there is none.
func (s *Store) StaffNames(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	query := "SELECT id, name FROM staff WHERE " + s.dialect.in("id")
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), s.dialect.list(ids)); err != nil {
		return nil, s.fail("find names of staff", err)
	}
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}
