package main

import (
	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/handlers"
)

// approvalQueue is the queue of what needs a second person. Who carries out what is added by what it belongs to.
func (p *parts) approvalQueue() *citycard.ApprovalQueue {
	return &citycard.ApprovalQueue{
		Store: p.store, Records: p.store, Carry: map[citycard.ApprovalKind]citycard.CarryOut{},
		NewID: newID, Blind: p.ring.Index, Clock: p.config.clock,
	}
}

// staffDesk is what staff does with people's cards; it carries out what a second person approved of that.
func (p *parts) staffDesk(queue *citycard.ApprovalQueue) *citycard.StaffDesk {
	desk := &citycard.StaffDesk{
		Cards: p.store, Records: p.store, Queue: queue, Callers: p.store, People: p.store, Cases: p.store, Attempts: p.store,
		Policies: p.config.policies, NewCardNumber: newCardNumber, NewID: newID, NFKC: norm.NFKC.String,
		Blind: p.ring.Index, Clock: p.config.clock,
	}
	for _, kind := range []citycard.ApprovalKind{
		citycard.ApproveCancelCard, citycard.ApproveManualActivation, citycard.ApproveFreeze, citycard.ApproveReleaseHold,
	} {
		queue.Carry[kind] = desk.CarryOut
	}
	return desk
}

// comparedAtOnce is how many partners' lists one process compares at a time: a list of a million numbers takes some 300 MB.
const comparedAtOnce = 2

// partnerDesk adds what staff does with partners' keys and daily lists.
func (p *parts) partnerDesk(plane *staffPlane, queue *citycard.ApprovalQueue) {
	office := &citycard.PartnerOffice{
		Registry: &citycard.PartnerRegistry{Partners: p.store, ReadKey: p.config.readPartnerKey, Clock: p.config.clock},
		Queue:    queue, Records: p.store, NewID: newID, Clock: p.config.clock,
	}
	queue.Carry[citycard.ApprovePartnerKey] = office.CarryOut
	plane.partners = handlers.StaffPartners{Office: office}
	plane.partnerPages = &handlers.StaffPartnerPages{Pages: plane.pages, Office: office}
	plane.lists = handlers.StaffReconciliation{Desk: &citycard.ReconciliationDesk{
		Lists:    &citycard.Reconciliation{Records: p.store, Kept: p.store, Clock: p.config.clock, Turns: make(chan struct{}, comparedAtOnce)},
		Partners: p.store, Records: p.store, NewID: newID,
	}}
	plane.listPages = &handlers.StaffReconciliationPages{StaffReconciliation: plane.lists, Pages: plane.pages}
}
