package main

// What the tests of this package look at directly.
var (
	VariableNames = variableNames
	ReadClock     = readClock
	RefuseNetwork = refuseNetwork
	StaffAccess   = staffAccess
	LedgerLog     = ledgerLog
)
