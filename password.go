package citycard

import "time"

var passwordSteps = map[arrow[PasswordState]]PasswordState{
	{PasswordInitial, StepSet}:   PasswordSet,
	{PasswordSet, StepLock}:      PasswordLocked,
	{PasswordLocked, StepUnlock}: PasswordSet,
	{PasswordLocked, StepReset}:  PasswordSet,
	{PasswordLocked, StepKill}:   PasswordDead,
}

// ReportPassword records what was done with the social security password; its value is never known here.
// Setting a password that is set, asking for the state it has, and a late report change nothing.
func (c *Card) ReportPassword(step Step, cause Cause, now time.Time) (changed bool, err error) {
	already := map[Step]PasswordState{
		StepSet: PasswordSet, StepUnlock: PasswordSet, StepReset: PasswordSet, StepLock: PasswordLocked, StepKill: PasswordDead,
	}
	if err := cause.CheckOccurred(now); err != nil {
		return false, err
	}
	if c.Password == already[step] || c.Late(MachinePassword, cause) {
		return false, nil
	}
	to, err := follow(passwordSteps, c.Password, step)
	if err != nil {
		return false, err
	}
	from := c.Password
	c.Password = to
	c.record(MachinePassword, string(from), string(to), cause, now)
	return true, nil
}
