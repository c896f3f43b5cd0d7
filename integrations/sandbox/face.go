package sandbox

import "net/http"

// face shows the face page, or, where the result comes with the request, records it and leads back. A face passes
// only where the person at the phone is the one the check was registered for.
func (s *Sandbox) face(w http.ResponseWriter, r *http.Request) {
	id, form := r.PathValue("certify_id"), formOf(r)
	check, found := s.faces.get(id, s.now())
	if !found {
		s.problem(w, r, http.StatusNotFound, trouble{
			"刷脸验证已失效，请返回重新开始", "This face check is unknown or has expired; go back and start again", ""})
		return
	}
	person, chosen := s.current(r)
	if form.Has("user") {
		if person, chosen = s.byUser[form.Get("user")]; !chosen {
			s.problem(w, r, http.StatusBadRequest, trouble{"没有这个人", "There is no such person", ""})
			return
		}
	}
	result := form.Get("result")
	switch {
	case !chosen:
		http.Redirect(w, r, chooseURL(r), http.StatusSeeOther)
	case result == "pass", result == "fail":
		if result == "pass" && person.holds(check.number) && sameName(person.Name, check.name) {
			s.faces.change(id, s.now(), func(done *faceCheck) { done.passed = true })
		}
		http.Redirect(w, r, check.returnURL, http.StatusSeeOther)
	default:
		render(w, http.StatusOK, "face", view{
			Title: "刷脸验证", TitleEN: "Face check", Person: person,
			Data: struct{ ID, Name, Number, Switch string }{id, check.name, check.number, chooseURL(r)},
		})
	}
}
