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
// Setting a password that is set, asking for the state it has, and a late report change nothing. A password that is
// unlocked more often than the city's password_retry, and not reset in between, is dead.
func (c *Card) ReportPassword(p Policy, step Step, cause Cause, now time.Time) (changed bool, err error) {
	already := map[Step]PasswordState{
		StepSet: PasswordSet, StepUnlock: PasswordSet, StepReset: PasswordSet, StepLock: PasswordLocked, StepKill: PasswordDead,
	}
	if err := cause.CheckOccurred(now); err != nil {
		return false, err
	}
	if c.Password == already[step] || c.Late(MachinePassword, cause) {
		return false, nil
	}
	if step == StepUnlock && c.Password == PasswordLocked && c.PasswordUnlocks >= p.PasswordRetry {
		step = StepKill
	}
	to, err := follow(passwordSteps, c.Password, step)
	if err != nil {
		return false, err
	}
	switch step {
	case StepUnlock:
		c.PasswordUnlocks++
	case StepReset:
		c.PasswordUnlocks = 0
	}
	from := c.Password
	c.Password = to
	c.record(MachinePassword, string(from), string(to), cause, now)
	return true, nil
}
