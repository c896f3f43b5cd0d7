package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffCount is a number shown beside a place of the navigation: how much waits there for this session.
type StaffCount func(ctx context.Context, s citycard.StaffSession) (int, error)

// staffPlace is one link of the navigation.
type staffPlace struct {
	// Name is that of its text: staff.nav_<name>.
	Name    string
	Path    string
	Current bool
	Count   int
}

// staffPlaces are the places of the navigation in their order, each with the roles that its route lets in.
var staffPlaces = []struct {
	name, path string
	roles      []citycard.StaffRole
}{
	{"search", staffHome, []citycard.StaffRole{citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor}},
	{"hotline", "/admin/hotline", []citycard.StaffRole{citycard.RoleClerk, citycard.RoleSupervisor}},
	{"approvals", "/admin/approvals", citycard.StaffRoles()},
	{"lists", "/admin/work", citycard.StaffRoles()},
	{"imports", importsPath, []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor}},
	{"partners", "/admin/partners", []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator}},
	{"policies", policiesPath, []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator}},
	{"audit", "/admin/audit", []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor}},
	{"dashboard", "/admin/dashboard", []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator}},
	{"staff", staffAccounts, []citycard.StaffRole{citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator}},
	{"account", staffOwnAccount, citycard.StaffRoles()},
}

// firstPlace is where a role begins.
func firstPlace(role citycard.StaffRole) string {
	for _, place := range staffPlaces {
		if slices.Contains(place.roles, role) {
			return place.path
		}
	}
	return staffHome
}

// places are those the session's role may go to; the current one is the nearest above the page shown.
func (h *StaffPages) places(c echo.Context, session citycard.StaffSession) ([]staffPlace, error) {
	var places []staffPlace
	here, nearest := c.Request().URL.Path, -1
	for _, place := range staffPlaces {
		if !slices.Contains(place.roles, session.Staff.Role) || session.Staff.FirstPassword && place.path != staffOwnAccount {
			continue
		}
		shown := staffPlace{Name: place.name, Path: place.path}
		if count := h.Counts[place.name]; count != nil {
			var err error
			if shown.Count, err = count(c.Request().Context(), session); err != nil {
				return nil, fmt.Errorf("count %s: %w", place.name, err)
			}
		}
		places = append(places, shown)
		under := here == place.path || strings.HasPrefix(here, place.path+"/")
		if under && (nearest < 0 || len(place.path) > len(places[nearest].Path)) {
			nearest = len(places) - 1
		}
	}
	if nearest >= 0 {
		places[nearest].Current = true
	}
	return places, nil
}
