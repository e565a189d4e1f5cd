package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Check reads the whole file and returns a [*CorruptError] if it is damaged. It takes
// seconds per million sales, and disturbs nobody.
func (s *Store) Check(ctx context.Context) error {
	for _, pragma := range []string{"quick_check(1)", "foreign_key_check"} {
		rows, err := s.readers.QueryContext(ctx, "PRAGMA "+pragma)
		if err != nil {
			return told(err)
		}
		var says sql.NullString
		for rows.Next() && (!says.Valid || says.String == "ok") {
			columns, err := rows.Columns()
			if err != nil {
				break
			}
			into := make([]any, len(columns))
			for i := range into {
				into[i] = new(sql.NullString)
			}
			into[0] = &says
			if err := rows.Scan(into...); err != nil {
				break
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return told(err)
		}
		if says.Valid && says.String != "ok" {
			return &CorruptError{What: "the file", Err: fmt.Errorf("%s says: %s", pragma, says.String)}
		}
	}
	return nil
}
