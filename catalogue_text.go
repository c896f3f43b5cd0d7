package citycard

// Where a person can turn to, and what they bring.
var (
	onThisPage = Text{"就在当前页面", "On this page"}
	startPage  = Text{"社保卡服务首页", "The start page of this service"}
	inTheApp   = Text{"在支付宝“城市服务”中的社保卡页面", "On the social security card page under City Service in the app"}
	atHotline  = Text{"拨打 12333 社保服务热线", "By phone: the social security hotline 12333"}
	atCentre   = Text{"社保卡服务中心窗口；不清楚地址可拨打 12333", "A social security card centre; call 12333 for the nearest one"}
	atBank     = Text{"社保卡上所印银行的任一网点", "Any branch of the bank whose logo is on the card"}
	atPickup   = Text{"领卡通知上写明的网点；不清楚可拨打 12333", "The outlet named in your pick-up message; call 12333 if unsure"}

	yourIDCard   = Text{"本人身份证件原件", "Your original identity document"}
	yourCard     = Text{"社保卡", "Your social security card"}
	agentPapers  = Text{"代办人和持卡人的身份证件原件、委托书", "The original identity documents of both people and the power of attorney"}
	proofOfState = Text{"能说明情况的证明材料", "Any papers that explain the matter"}
)

var requestEntries = []Entry{
	{CodeMalformedRequest, 400,
		Text{"提交的内容格式不对，系统没有看懂。", "What was sent could not be read."},
		NextStep{Text{"请返回上一页，刷新后重新填写。", "Please go back, reload the page and try again."}, onThisPage, nil}},
	{CodeInvalidPayload, 400,
		Text{"有一项内容填写得不对。", "One of the entries is not right."},
		NextStep{Text{"请对照提示检查标出的那一项，改好后重新提交。", "Please check the marked entry, correct it and submit again."}, onThisPage, nil}},
	{CodeContentDigestInvalid, 400,
		Text{"内容摘要与收到的内容不一致。", "The content digest does not fit the content received."},
		NextStep{Text{"请按实际发送的字节重新计算 Content-Digest 后再发送。", "Compute Content-Digest over the bytes actually sent and send again."}, inPartnerGuide, nil}},
	{CodeIdempotencyKeyRequired, 400,
		Text{"缺少请求编号，系统无法防止重复办理。", "The request carries no number, so a repetition could not be recognised."},
		NextStep{Text{"请在 Idempotency-Key 中带上本次请求的唯一编号后重新发送。", "Send again with a number of its own in Idempotency-Key."}, inPartnerGuide, nil}},
	{CodeIDLength, 400,
		Text{"证件号码的位数不对，应为 18 位。", "The ID number does not have the right length; it should have 18 characters."},
		NextStep{Text{"请对照身份证，从头到尾再数一遍、重新填写。", "Please compare it with your ID card and enter all 18 characters."}, onThisPage, []Text{yourIDCard}}},
	{CodeIDCharset, 400,
		Text{"证件号码里有不该出现的字符。", "The ID number holds a character that cannot be there."},
		NextStep{Text{"请只填数字，最后一位可以是字母 X；注意字母 O 和数字 0 的区别。", "Please use digits only; the last may be the letter X. Mind the letter O and the digit 0."}, onThisPage, []Text{yourIDCard}}},
	{CodeIDDate, 400,
		Text{"证件号码里的出生日期不对。", "The date of birth within the ID number is not right."},
		NextStep{Text{"请检查第 7 到第 14 位，应当是您的出生年月日。", "Please check characters 7 to 14: they are your year, month and day of birth."}, onThisPage, []Text{yourIDCard}}},
	{CodeIDRegion, 400,
		Text{"证件号码开头的地区代码不存在。", "The ID number begins with a region that does not exist."},
		NextStep{Text{"请检查号码的前几位，对照身份证重新填写。", "Please compare the first digits with your ID card and enter the number again."}, onThisPage, []Text{yourIDCard}}},
	{CodeIDCheckDigit, 400,
		Text{"证件号码中有一位填错了。", "One character of the ID number is mistyped."},
		NextStep{Text{"请对照身份证逐位核对，改正后重新提交。", "Please compare it with your ID card character by character and submit again."}, onThisPage, []Text{yourIDCard}}},
	{CodeNameEmpty, 400,
		Text{"还没有填写姓名。", "The name is missing."},
		NextStep{Text{"请填写身份证上的姓名。", "Please enter the name as it is on your ID card."}, onThisPage, []Text{yourIDCard}}},
	{CodeNameTooLong, 400,
		Text{"姓名太长了，最多 50 个字。", "The name is too long; 50 characters are the most."},
		NextStep{Text{"请只填写身份证上的姓名；姓名确实更长的，请到窗口办理。", "Please enter only the name on your ID card; if it really is longer, come to a card centre."}, atCentre, []Text{yourIDCard}}},
	{CodeLoginCodeInvalid, 401,
		Text{"这次登录已失效，没有完成。", "This log-in has lapsed and was not completed."},
		NextStep{Text{"请重新打开社保卡页面，再登录一次。", "Please open the card page again and log in once more."}, inTheApp, nil}},
	{CodeSessionRequired, 401,
		Text{"您还没有登录。", "You are not logged in."},
		NextStep{Text{"请先登录，再继续办理。", "Please log in first and then go on."}, inTheApp, nil}},
	{CodeSessionExpired, 401,
		Text{"登录时间已到，为了您的安全已自动退出。", "Your log-in has ended, for your safety."},
		NextStep{Text{"请重新登录，再继续办理。已经办好的不受影响。", "Please log in again and go on. What was done before stays done."}, inTheApp, nil}},
}

var cardEntries = []Entry{
	{CodeCardNotMatched, 404,
		Text{"没有查到与所填姓名和证件号码一致的社保卡。", "No card was found for this name and ID number."},
		NextStep{Text{"请检查姓名和号码是否与身份证一致；确认无误仍查不到的，请来电或到窗口查询。", "Please check that both are as on your ID card. If they are and nothing is found, call or visit us."}, atHotline, []Text{yourIDCard}}},
	{CodeNotFound, 404,
		Text{"没有找到您要看的内容。", "What you asked for was not found."},
		NextStep{Text{"请返回首页，从菜单重新进入。", "Please go back to the start page and enter from there."}, startPage, nil}},
	{CodeMethodNotAllowed, 405,
		Text{"这个地址不支持这样的操作。", "This address does not serve that method."},
		NextStep{Text{"请返回首页，从菜单重新进入。", "Please go back to the start page and enter from there."}, startPage, nil}},
	{CodeMultipleCards, 409,
		Text{"您名下有不止一张有效的社保卡，需要先核对。", "More than one valid card is on record for you; this has to be sorted out first."},
		NextStep{Text{"请带上手里的卡到窗口，工作人员会帮您保留一张。", "Please bring the cards you hold; the staff will help you keep one."}, atCentre, []Text{yourIDCard, yourCard}}},
	{CodeCardNotCollected, 409,
		Text{"您的社保卡还没有领取。", "Your card has not been collected yet."},
		NextStep{Text{"请先领卡，领到以后再来激活。", "Please collect the card first and activate it afterwards."}, atPickup, []Text{yourIDCard}}},
	{CodeCardTempLost, 409,
		Text{"这张卡正在临时挂失中，暂时不能使用。", "This card is reported lost for the time being and cannot be used."},
		NextStep{Text{"卡找到了，请来电解除挂失；确实丢了，请到窗口办理正式挂失和补卡。", "If you found it, call to end the report; if it is gone, come to a card centre for a new one."}, atHotline, []Text{yourIDCard}}},
	{CodeCardFormalLost, 409,
		Text{"这张卡已经正式挂失，不能再使用。", "This card is formally reported lost and cannot be used."},
		NextStep{Text{"请到窗口办理补卡。", "Please apply for a new card at a card centre."}, atCentre, []Text{yourIDCard}}},
	{CodeCardAutoLost, 409,
		Text{"领卡后没有按时激活金融功能，这张卡已自动挂失。您的缴费和待遇不受影响。", "The bank function was not activated in time, so the card was reported lost by itself. Your contributions are unaffected."},
		NextStep{Text{"请先到卡上所印银行的网点激活金融功能，再到社保卡服务中心解除挂失。", "First activate the bank function at a branch of the bank on the card, then have the loss ended at a card centre."}, atBank, []Text{yourIDCard, yourCard}}},
	{CodeCardFrozen, 409,
		Text{"这张卡暂时被停用，需要核实情况。", "This card is on hold while something is being checked."},
		NextStep{Text{"请先拨打 12333 了解原因，再按提示带材料到窗口办理。", "Please call 12333 to learn why and then bring what is asked for to a card centre."}, atHotline, []Text{yourIDCard, yourCard, proofOfState}}},
	{CodeCardCanceled, 409,
		Text{"这张卡已经注销，不能再使用。", "This card has been cancelled and cannot be used any more."},
		NextStep{Text{"有新卡的请使用新卡；没有新卡的，请到窗口申领。", "Please use your new card; if you have none, apply for one at a card centre."}, atCentre, []Text{yourIDCard}}},
	{CodeCardExpired, 409,
		Text{"这张卡的有效期已过。", "This card is past its validity."},
		NextStep{Text{"请到窗口换领新卡，到期换卡不影响您的待遇。", "Please have it exchanged for a new one; your benefits are unaffected."}, atCentre, []Text{yourIDCard, yourCard}}},
	{CodeSocialNotActive, 409,
		Text{"社保功能还没有激活，您的缴费不受影响。", "The social security function is not activated yet; your contributions are unaffected."},
		NextStep{Text{"请在手机上激活；也可以带卡到定点医院挂号、定点药店购药，或到窗口激活。", "Please activate it on your phone, or at a designated hospital or pharmacy, or at a card centre."}, inTheApp, []Text{yourIDCard, yourCard}}},
	{CodeFinancialNotActive, 409,
		Text{"金融功能还没有激活。", "The bank function is not activated yet."},
		NextStep{Text{"请在手机上激活，或者到卡上所印银行的网点激活。", "Please activate it on your phone or at a branch of the bank on the card."}, atBank, []Text{yourIDCard, yourCard}}},
	{CodeInvalidTransition, 409,
		Text{"按这张卡现在的状态，不能办理这项业务。", "The card's present state does not allow this."},
		NextStep{Text{"请先查看卡的当前状态；不清楚该怎么办，请来电咨询。", "Please look at the card's state first; call us if you are not sure what to do."}, atHotline, []Text{yourIDCard}}},
	{CodeFormalLossIrrevocable, 409,
		Text{"正式挂失后不能撤销。", "A formal report of loss cannot be taken back."},
		NextStep{Text{"请到窗口办理补卡，补卡后使用新卡。", "Please apply for a new card at a card centre and use that one."}, atCentre, []Text{yourIDCard}}},
	{CodeReissueOpen, 409,
		Text{"这张卡已经在补办中，不用重复申请。", "A new card is already being made; there is no need to apply again."},
		NextStep{Text{"请等待领卡通知；想了解进度，请来电查询。", "Please wait for the pick-up message; call us to ask how far it is."}, atHotline, []Text{yourIDCard}}},
	{CodeRequestInProgress, 409,
		Text{"同样的申请正在办理，还没有结果。", "The same request is being handled right now."},
		NextStep{Text{"请稍等几秒钟，再查看结果，不用重复提交。", "Please wait a few seconds and look again; do not submit it once more."}, onThisPage, nil}},
}
