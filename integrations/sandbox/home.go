package sandbox

import "net/http"

// step is one page on the way from the super-app's home to card activation.
type step struct {
	Path, ZH, EN string
	// Back is the page before.
	Back  string
	Tiles []tile
	// Next is where the live tile leads; empty on the last step, which leads to the service.
	Next string
}

// tile is an entry of a page. Only the live one leads anywhere.
type tile struct {
	Icon, ZH, EN string
	Live         bool
}

var steps = []step{
	{Path: "/", ZH: "随行", EN: "SuiXing", Next: "/city-service", Tiles: []tile{
		{"city", "城市服务", "City Service", true},
		{"scan", "扫一扫", "Scan", false},
		{"pay", "收付款", "Pay", false},
		{"bus", "出行", "Travel", false},
		{"wallet", "卡包", "Cards", false},
		{"bill", "生活缴费", "Bills", false},
		{"phone", "手机充值", "Top-up", false},
		{"health", "医疗健康", "Health", false},
		{"more", "更多", "More", false},
	}},
	{Path: "/city-service", ZH: "城市服务", EN: "City Service", Back: "/",
		Next: "/city-service/social-security", Tiles: []tile{
			{"shield", "社会保障", "Social Security", true},
			{"house", "公积金", "Housing Fund", false},
			{"health", "医疗健康", "Health", false},
			{"bus", "交通出行", "Transport", false},
			{"school", "教育", "Education", false},
			{"bill", "税务", "Taxes", false},
		}},
	{Path: "/city-service/social-security", ZH: "社会保障", EN: "Social Security", Back: "/city-service",
		Next: "/city-service/social-security/smart-society", Tiles: []tile{
			{"people", "智慧人社", "Smart Society", true},
			{"bill", "参保缴费查询", "Contributions", false},
			{"wallet", "养老待遇查询", "Pension", false},
			{"health", "医保查询", "Medical insurance", false},
		}},
	{Path: "/city-service/social-security/smart-society", ZH: "智慧人社", EN: "Smart Society",
		Back: "/city-service/social-security",
		Next: "/city-service/social-security/smart-society/card", Tiles: []tile{
			{"card", "社会保障卡", "Social Security Card", true},
			{"school", "就业创业", "Employment", false},
			{"people", "人才服务", "Talent services", false},
			{"shield", "劳动维权", "Labour rights", false},
		}},
	{Path: "/city-service/social-security/smart-society/card", ZH: "社会保障卡", EN: "Social Security Card",
		Back: "/city-service/social-security/smart-society", Tiles: []tile{
			{"check", "社保卡激活", "Card Activation", true},
			{"search", "办卡进度查询", "Progress of a new card", false},
			{"alert", "挂失与解挂", "Report a loss", false},
			{"pin", "服务网点", "Service points", false},
		}},
}

var stepHome = steps[0]

// stepData is a step as its page needs it.
type stepData struct {
	step
	Target string
	Home   bool
	Last   bool
}

// step shows one page of the path. The first visit makes the first person the browser's user.
func (s *Sandbox) step(shown step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		person, chosen := s.current(r)
		if !chosen {
			remember(w, person)
		}
		data := stepData{step: shown, Target: shown.Next, Home: shown.Path == "/"}
		if shown.Next == "" {
			data.Target, data.Last = s.service.String(), true
		}
		render(w, http.StatusOK, "step", view{
			Title: shown.ZH, TitleEN: shown.EN, Back: shown.Back, Person: person, Data: data,
		})
	}
}
