package main

import "citycard"

// approvalQueue is the queue of what needs a second person, with who carries out what.
func (p *parts) approvalQueue() *citycard.ApprovalQueue {
	return &citycard.ApprovalQueue{
		Store: p.store, Carry: map[citycard.ApprovalKind]citycard.CarryOut{},
		NewID: newID, Blind: p.ring.Index, Clock: p.config.clock,
	}
}
