package citycard

import (
	"context"
	"slices"
	"time"
)

// WorkList names a list of what somebody has to see to.
type WorkList string

// The lists.
const (
	// WorkDeadlines are cards that a deadline strikes within seven days if nothing is done.
	WorkDeadlines WorkList = "deadlines"
	// WorkCallbacks are partners' messages of the last seven days that were refused or came too late.
	WorkCallbacks WorkList = "callbacks"
	// WorkMismatches are attempts near their limit, banks' reports that met no card or another account, and days on which a
	// partner's list and ours differ.
	WorkMismatches WorkList = "mismatches"
	// WorkCorrections are open cases about wrong records.
	WorkCorrections WorkList = "corrections"
	// WorkApprovals are requests that wait for the session's decision.
	WorkApprovals WorkList = "approvals"
)

// workRoles says whose lists they are, in the order in which they are shown.
var workRoles = []struct {
	list  WorkList
	roles []StaffRole
}{
	{WorkDeadlines, []StaffRole{RoleClerk, RoleSupervisor, RoleAuditor}},
	{WorkCallbacks, []StaffRole{RoleSupervisor, RoleAuditor, RoleOperator}},
	{WorkMismatches, []StaffRole{RoleSupervisor, RoleAuditor, RoleOperator}},
	{WorkCorrections, []StaffRole{RoleClerk, RoleSupervisor, RoleAuditor}},
	{WorkApprovals, []StaffRole{RoleSupervisor, RoleOperator}},
}

// WorkListsOf lists a role's lists.
func WorkListsOf(role StaffRole) []WorkList {
	var lists []WorkList
	for _, entry := range workRoles {
		if slices.Contains(entry.roles, role) {
			lists = append(lists, entry.list)
		}
	}
	return lists
}

// WorkItem is one line of a list. Which of its members are set depends on the list.
type WorkItem struct {
	// Cursor is where the list goes on behind this item.
	Cursor string
	// Kind says what it is: a deadline's kind, a callback's outcome, what mismatched, a correction's or approval's kind.
	Kind string
	// Card is the card concerned, masked, nil where there is none.
	Card *CardView
	// Due is the last day of a deadline, Day the day that callbacks or lists are of, At when it began or when a limit ends.
	Due Date
	Day Date
	At  time.Time
	// Partner is an app id, Code what messages were refused with.
	Partner string
	Code    string
	// Subject tells equal senders of attempts apart without saying who they are.
	Subject string
	Count   int64
	Limit   int64
	// Ref names the case or the request.
	Ref string
	// What says what is the matter, Next what to do about it.
	What Text
	Next NextStep
}

// countedForGood is an age that no count reaches.
const countedForGood = 100 * 365 * 24 * time.Hour

// WorkPage is a part of a list; Next is empty at its end.
type WorkPage struct {
	Items []WorkItem
	Next  string
}

// WorkCount is how long a list is.
type WorkCount struct {
	List  WorkList
	Count int64
}

// HeldCard is a card with its holder.
type HeldCard struct {
	Person Person
	Card   *Card
}

// ReceivedQuery chooses collected cards received on a day whose financial application is in one of the states, behind
// the card with the ref After.
type ReceivedQuery struct {
	Day    Date
	States []FinancialState
	After  string
	Limit  int
}

// AttemptUse is how many attempts of one kind somebody has used; Subject is a keyed hash.
type AttemptUse struct {
	Kind      AttemptKind
	Subject   string
	Used      int
	WindowEnd time.Time
}

// WorkStore is the store of what the lists are made of.
type WorkStore interface {
	// CardsReceived lists cards by ref.
	CardsReceived(ctx context.Context, q ReceivedQuery) ([]HeldCard, error)
	// AttemptsUsed lists windows still open of which at least the given number is used, by kind, most used first; at most
	// limit of each kind.
	AttemptsUsed(ctx context.Context, least map[AttemptKind]int, now time.Time, limit int) ([]AttemptUse, error)
	// ReconciliationDifferences lists the results since a day that show a difference, newest day first.
	ReconciliationDifferences(ctx context.Context, since Date) ([]ReconciliationResult, error)
	// CountCorrections counts the open cases.
	CountCorrections(ctx context.Context) (int64, error)
}

// WorkLists makes the lists.
type WorkLists struct {
	Store       WorkStore
	Statistics  *Statistics
	Corrections Corrections
	Queue       *ApprovalQueue
	Records     StaffRecords
	NewID       func() string
}

// mayWork refuses lists that are not the role's: unknown ones are not_found.
func mayWork(s StaffSession, list WorkList) error {
	for _, entry := range workRoles {
		if entry.list != list {
			continue
		}
		if slices.Contains(entry.roles, s.Staff.Role) {
			return nil
		}
		return refuse(CodeRoleRequired, "this list is for other roles")
	}
	return refuse(CodeNotFound, "there is no such list")
}

// List gives a part of a list: at most limit items behind the one with the cursor after. Looking at people's cards is
// recorded.
func (w *WorkLists) List(ctx context.Context, s StaffSession, list WorkList, after string, limit int) (WorkPage, error) {
	if err := mayWork(s, list); err != nil {
		return WorkPage{}, err
	}
	switch list {
	case WorkDeadlines:
		page, err := w.deadlines(ctx, after, limit)
		if err != nil {
			return WorkPage{}, err
		}
		return page, w.Records.RecordAction(ctx, StaffAction{
			ID: w.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: "view_work", Object: string(list),
			RequestID: RequestIDOf(ctx), At: w.Statistics.Clock(),
		})
	case WorkCallbacks:
		items, err := w.callbacks(ctx)
		return pageOf(items, after, limit), err
	case WorkMismatches:
		items, err := w.mismatches(ctx)
		return pageOf(items, after, limit), err
	case WorkCorrections:
		return w.corrections(ctx, after, limit)
	}
	return w.approvals(ctx, s, after, limit)
}

// Counts tells how long the session's lists are. Deadlines are counted as the dashboard counts them.
func (w *WorkLists) Counts(ctx context.Context, s StaffSession) ([]WorkCount, error) {
	var counts []WorkCount
	for _, list := range WorkListsOf(s.Staff.Role) {
		n, err := w.count(ctx, s, list)
		if err != nil {
			return nil, err
		}
		counts = append(counts, WorkCount{list, n})
	}
	return counts, nil
}

func (w *WorkLists) count(ctx context.Context, s StaffSession, list WorkList) (int64, error) {
	var items []WorkItem
	var err error
	switch list {
	case WorkDeadlines:
		// The number stands on every page: it is that of the background, and only what was never counted is counted here.
		exposure, err := w.Statistics.exposure(ctx, 1, countedForGood)
		sum := int64(0)
		for _, week := range exposure.Weeks {
			sum += week.Cards
		}
		return sum, err
	case WorkCallbacks:
		items, err = w.callbacks(ctx)
	case WorkMismatches:
		items, err = w.mismatches(ctx)
	case WorkCorrections:
		return w.Store.CountCorrections(ctx)
	case WorkApprovals:
		n, err := w.Queue.Waiting(ctx, s)
		return int64(n), err
	}
	return int64(len(items)), err
}

// pageOf is the part of a whole list behind a cursor; an unknown cursor is the end.
func pageOf(items []WorkItem, after string, limit int) WorkPage {
	if after != "" {
		at := slices.IndexFunc(items, func(i WorkItem) bool { return i.Cursor == after })
		if at < 0 {
			return WorkPage{}
		}
		items = items[at+1:]
	}
	if len(items) > limit {
		return WorkPage{Items: items[:limit], Next: items[limit-1].Cursor}
	}
	return WorkPage{Items: items}
}
