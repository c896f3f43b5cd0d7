package citycard

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// workDays is how many days back failed callbacks and differences of lists are shown, today included.
const workDays = 7

// callbacks lists what partners sent in the last days that was refused or came too late, newest day first: one line
// for each partner, profile, outcome and code.
func (w *WorkLists) callbacks(ctx context.Context) ([]WorkItem, error) {
	counts, err := w.recentCallbacks(ctx)
	if err != nil {
		return nil, err
	}
	var items []WorkItem
	for _, c := range counts {
		if c.Outcome == CallbackRefused || c.Outcome == CallbackStale {
			items = append(items, c.item(string(c.Outcome)))
		}
	}
	return items, nil
}

func (w *WorkLists) recentCallbacks(ctx context.Context) ([]CallbackCount, error) {
	today := DateOf(w.Statistics.Clock())
	counts, err := w.Statistics.Callbacks.CallbackCounts(ctx, today.AddDays(1-workDays), today)
	slices.SortStableFunc(counts, func(a, b CallbackCount) int { return b.Day.Start().Compare(a.Day.Start()) })
	return counts, err
}

// item is a line about equal callbacks of one day.
func (c CallbackCount) item(kind string) WorkItem {
	entry := EntryOf(codeOfCallback(c.Code))
	item := WorkItem{
		Cursor: strings.Join([]string{kind, c.Day.String(), c.AppID, string(c.Profile), string(c.Outcome), c.Code}, "."),
		Kind:   kind, Day: c.Day, Partner: c.AppID, Code: c.Code, Count: c.Count, What: entry.Message, Next: entry.Next,
	}
	if c.Outcome == CallbackStale {
		item.What, item.Next = staleText, staleNext
	}
	return item
}

var (
	staleText = Text{ZH: "报送的事件早于已登记的状态，没有采用", EN: "The events are older than what is on record and were not applied"}
	staleNext = NextStep{
		Action: Text{ZH: "与合作机构核对发生时间和报送顺序", EN: "Compare times and order with the partner"},
		Where:  Text{ZH: "合作机构联系人", EN: "The partner's contact"},
	}
)

// gatewayCodes are the domain's codes for those of the gateway convention that do not name one themselves.
var gatewayCodes = map[string]Code{
	"isv.invalid-signature": CodeSignatureInvalid, "isv.invalid-signature-type": CodeSignatureInvalid,
	"isv.invalid-app-id": CodeKeyUnknown, "isv.invalid-timestamp": CodeTimestampSkew, "isv.missing-signature": CodeSignatureRequired,
	"isv.replayed-request": CodeNonceReused, "isv.insufficient-isv-permissions": CodePartnerScope, "isv.invalid-method": CodePartnerScope,
	"isv.rate-limited": CodeRateLimited, "isv.invalid-parameter": CodeInvalidPayload, "isv.out-request-no-conflict": CodeEventIDReused,
	"isp.request-in-progress": CodeRequestInProgress, "isp.unknow-error": CodeStorageUnavailable, "citycard.card-not-found": CodeCardNotMatched,
}

// codeOfCallback is the domain's code for what a callback was refused with.
func codeOfCallback(code string) Code {
	if own, found := gatewayCodes[code]; found {
		return own
	}
	name := Code(strings.ReplaceAll(strings.TrimPrefix(code, "citycard."), "-", "_"))
	if _, known := catalogueByCode[name]; known {
		return name
	}
	return CodeMalformedRequest
}

// The kinds of mismatches beside those of attempts.
const (
	MismatchAccount = "bank_report"
	MismatchLists   = "reconciliation"
)

// mostAttempts is how many attempts of a kind are shown.
const mostAttempts = 100

// mismatches lists attempts of which at most one more is allowed, banks' reports that met no card or another account,
// and days on which lists differ.
func (w *WorkLists) mismatches(ctx context.Context) ([]WorkItem, error) {
	items, err := w.attempts(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := w.recentCallbacks(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		if c.Outcome == CallbackRefused && codeOfCallback(c.Code) == CodeCardNotMatched {
			item := c.item(MismatchAccount)
			item.What, item.Next = accountText, partnerNext
			items = append(items, item)
		}
	}
	results, err := w.Store.ReconciliationDifferences(ctx, DateOf(w.Statistics.Clock()).AddDays(-4*workDays))
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		items = append(items, WorkItem{
			Cursor: strings.Join([]string{MismatchLists, r.Day.String(), r.AppID}, "."), Kind: MismatchLists, Day: r.Day, At: r.ComparedAt,
			Partner: r.AppID, Count: r.OnlyOurs + r.OnlyTheirs + r.Differs, What: listsText, Next: partnerNext,
		})
	}
	return items, nil
}

var (
	accountText = Text{ZH: "银行报送的卡或账户尾号与登记不符", EN: "A partner named a card, or a bank an account, that is not on record"}
	listsText   = Text{ZH: "对账清单与合作机构不一致", EN: "The partner's list of the day and ours differ"}
	partnerNext = NextStep{
		Action: Text{ZH: "用对账清单与合作机构逐笔核对", EN: "Go through the reconciliation list with the partner"},
		Where:  Text{ZH: "合作机构联系人", EN: "The partner's contact"},
	}
	attemptNext = NextStep{
		Action: Text{ZH: "持卡人来电时核对本人后说明：过了截止时间可以再试；次数多时留意是否有人在试探", EN: "Tell holders who call that they can try again after that time; where it goes on, somebody may be probing"},
		Where:  Text{ZH: "12333 热线", EN: "The hotline 12333"},
	}
	attemptTexts = map[AttemptKind]Text{
		AttemptByCitizen: {ZH: "同一平台用户多次填错姓名或号码", EN: "One platform user entered a wrong name or number again and again"},
		AttemptByNumber:  {ZH: "同一证件号码被多次填错姓名", EN: "One ID number was entered with wrong names again and again"},
		AttemptByAddress: {ZH: "同一网络地址多次填错姓名或号码", EN: "From one network address wrong names or numbers were entered again and again"},
	}
)

// subjectLength is how much of a keyed hash tells its senders apart.
const subjectLength = 8

func (w *WorkLists) attempts(ctx context.Context) ([]WorkItem, error) {
	now := w.Statistics.Clock()
	most := w.Statistics.Policies.HomePolicy(DateOf(now)).MismatchLimit
	limits := map[AttemptKind]int{
		AttemptByCitizen: most.PerCitizenDay, AttemptByNumber: most.PerNumberDay, AttemptByAddress: most.PerAddressHour,
	}
	least := map[AttemptKind]int{}
	for kind, limit := range limits {
		least[kind] = max(1, limit-1)
	}
	used, err := w.Store.AttemptsUsed(ctx, least, now, mostAttempts)
	if err != nil {
		return nil, err
	}
	items := make([]WorkItem, len(used))
	for i, a := range used {
		short := a.Subject[:min(len(a.Subject), subjectLength)]
		items[i] = WorkItem{
			Cursor: strings.Join([]string{string(a.Kind), short, a.WindowEnd.UTC().Format(time.RFC3339)}, "."), Kind: string(a.Kind),
			Subject: short, Count: int64(a.Used), Limit: int64(limits[a.Kind]), At: a.WindowEnd, What: attemptTexts[a.Kind], Next: attemptNext,
		}
	}
	slices.SortStableFunc(items, func(a, b WorkItem) int {
		return cmp.Or(cmp.Compare(b.Count-b.Limit, a.Count-a.Limit), cmp.Compare(a.Kind, b.Kind))
	})
	return items, nil
}

func (w *WorkLists) corrections(ctx context.Context, after string, limit int) (WorkPage, error) {
	cases, err := w.Corrections.Corrections(ctx, CorrectionQuery{State: CorrectionOpen, Before: after, Limit: limit + 1})
	if err != nil {
		return WorkPage{}, err
	}
	page := WorkPage{}
	if len(cases) > limit {
		cases = cases[:limit]
		page.Next = cases[limit-1].ID
	}
	for _, c := range cases {
		page.Items = append(page.Items, WorkItem{Cursor: c.ID, Kind: string(c.Kind), Ref: c.CardRef, At: c.OpenedAt})
	}
	return page, nil
}

func (w *WorkLists) approvals(ctx context.Context, s StaffSession, after string, limit int) (WorkPage, error) {
	open, next, err := w.Queue.List(ctx, s, ApprovalOpen, after, limit)
	page := WorkPage{Next: next}
	for _, a := range open {
		if a.Decidable(s) {
			page.Items = append(page.Items, WorkItem{Cursor: a.ID, Kind: string(a.Kind), Ref: a.ID, At: a.RequestedAt})
		}
	}
	return page, err
}
