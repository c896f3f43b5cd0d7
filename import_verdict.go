package citycard

// ImportVerdict says what an imported row means beside what is on record.
type ImportVerdict string

// The verdicts: a new card (of a new or a known person), a second document number of the card's holder, a row
// that is on record already, or one that contradicts the record.
const (
	ImportNew       ImportVerdict = "new"
	ImportAlias     ImportVerdict = "alias"
	ImportUnchanged ImportVerdict = "unchanged"
	ImportRefused   ImportVerdict = "refused"
)

// ImportRecord is what is on record for a row: the person with its document number, and the holder of the card
// with its card number in its region. Absent ones are the zero Person. CodeTaken tells that another card has the
// row's identification code.
type ImportRecord struct {
	Person    Person
	Holder    Person
	CodeTaken bool
}

// Verdict judges a row. A number on record keeps its name and a card its holder; a card listed again under a
// further number of a person with the same name gives that person the further number.
func (r ImportRecord) Verdict(row CardRow) (ImportVerdict, RowProblem) {
	problem := func(column, reason string) (ImportVerdict, RowProblem) {
		return ImportRefused, RowProblem{Line: row.Line, Column: column, Reason: reason}
	}
	if r.Person.Known() {
		if _, same := r.Person.Name.Matches(row.Name); !same {
			return problem("name", "another name is on record for this ID number; correct the file or the record first")
		}
	}
	if !r.Holder.Known() {
		if r.CodeTaken {
			return problem("card_identification_code", "another card on record has this identification code")
		}
		return ImportNew, RowProblem{}
	}
	if r.Holder.ID == r.Person.ID {
		return ImportUnchanged, RowProblem{}
	}
	if _, same := r.Holder.Name.Matches(row.Name); same && !r.Person.Known() {
		return ImportAlias, RowProblem{}
	}
	return problem("card_number", "this card number is on record for another person")
}
