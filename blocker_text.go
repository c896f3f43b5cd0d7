package citycard

// afterCure is the second half of curing a loss by deadline, once the financial application is active.
var afterCure = NextStep{
	Text{"金融功能已激活，请到社保卡服务中心窗口解除挂失。", "The bank function is active now; have the loss ended at a card centre."},
	atCentre, []Text{yourIDCard, yourCard},
}

// firstAtBank begins the cure of a loss by deadline where the city does not let the phone do it.
var firstAtBank = NextStep{
	Text{"请先到卡上所印银行的网点激活金融功能。", "First activate the bank function at a branch of the bank on the card."},
	atBank, []Text{yourIDCard, yourCard},
}

// afterTheFirst puts off an activation that something else stands before.
var afterTheFirst = Text{"请先按第一条办好，再来激活。", "First do what the first entry says, then activate."}

// socialInUse enables the social security application where the phone does not.
var socialInUse = NextStep{
	Text{"带卡到定点医院挂号、到定点药店购药，或到窗口，就会激活。", "Register at a designated hospital, buy at a designated pharmacy, or come to a card centre; that activates it."},
	Text{"定点医院、定点药店或社保卡服务中心窗口", "A designated hospital or pharmacy, or a card centre"}, []Text{yourIDCard, yourCard},
}

var blockerTexts = map[string]Blocker{
	BlockerApplicationRejected: {
		Reason: Text{"办卡申请没有通过审核。", "The application for this card was not approved."},
		Next: NextStep{Text{"请来电了解原因，补齐材料后重新申请。", "Please call to learn why and apply again with what was missing."},
			atHotline, []Text{yourIDCard, proofOfState}},
	},
	BlockerCardNotReady: {
		Reason: Text{"您的社保卡还在办理中。", "Your card is still being made."},
		Next: NextStep{Text{"请等待领卡通知，收到后再去领取；想了解进度可来电查询。", "Please wait for the pick-up message; call to ask how far it is."},
			atHotline, []Text{yourIDCard}},
	},
	BlockerFinancialPending: {
		Reason: Text{"已经提交，正在等银行确认金融功能。", "Your request is with the bank, which has to confirm the bank function."},
		Next: NextStep{Text{"一般不用再做什么；着急使用的，可以直接到银行网点办理。", "Usually there is nothing to do; if it is urgent, go to a branch of the bank."},
			atBank, []Text{yourIDCard, yourCard}},
	},
	BlockerFinancialTempLost: {
		Reason: Text{"银行账户正在临时挂失中，不能存取款。", "The bank account is reported lost for the time being."},
		Next: NextStep{Text{"卡找到了，请到银行网点解除挂失。", "If you found the card, have the report ended at a branch of the bank."},
			atBank, []Text{yourIDCard, yourCard}},
	},
	BlockerFinancialFormalLost: {
		Reason: Text{"银行账户已经正式挂失，不能存取款。", "The bank account is formally reported lost."},
		Next: NextStep{Text{"请到社保卡服务中心窗口办理补卡。", "Please apply for a new card at a card centre."},
			atCentre, []Text{yourIDCard}},
	},
	BlockerFinancialFrozen: {
		Reason: Text{"银行账户被银行暂停使用。", "The bank has put the account on hold."},
		Next: NextStep{Text{"请到银行网点问清原因，按要求办理。", "Please ask the bank why and do what it asks for."},
			atBank, []Text{yourIDCard, yourCard}},
	},
	BlockerFinancialClosed: {
		Reason: Text{"银行账户已经销户，金融功能不能再用。", "The bank account is closed; the bank function has ended."},
		Next: NextStep{Text{"需要金融功能的，请到社保卡服务中心窗口换领新卡。", "If you need it, please have the card exchanged at a card centre."},
			atCentre, []Text{yourIDCard, yourCard}},
	},
	BlockerPasswordInitial: {
		Reason: Text{"社保密码还是初始密码，暂时不能用来购药和住院结算。", "The social security password is still the first one, so the card cannot pay for drugs or hospital care."},
		Next: NextStep{Text{"请带卡修改社保密码，改好就能用。", "Please change the social security password; the card works right after."},
			Text{"社保卡服务中心、定点医院或定点药店的服务台", "The desk of a card centre, a designated hospital or a designated pharmacy"}, []Text{yourIDCard, yourCard}},
	},
	BlockerPasswordLocked: {
		Reason: Text{"社保密码输错次数太多，已经锁住。", "The social security password was entered wrongly too often and is locked."},
		Next: NextStep{Text{"请到窗口解锁并重新设置密码。", "Please have it unlocked and set a new one at a card centre."},
			atCentre, []Text{yourIDCard, yourCard}},
	},
	BlockerPasswordDead: {
		Reason: Text{"社保密码解锁次数太多，这张卡的密码不能再用了。", "The social security password was unlocked too often; it can no longer be used on this card."},
		Next: NextStep{Text{"请到窗口换领新卡。", "Please have the card exchanged at a card centre."},
			atCentre, []Text{yourIDCard, yourCard}},
	},
	BlockerMedicalRestricted: {
		Reason: Text{"领到新卡后超过规定时间没有激活，您原来的医保卡已暂停使用。缴费不受影响。", "The new card was not activated in time, so your original medical insurance card is restricted. Your contributions are unaffected."},
		Next: NextStep{Text{"请激活这张社保卡，激活后马上恢复。", "Please activate this card; that lifts it at once."},
			inTheApp, []Text{yourIDCard, yourCard}},
	},
}
