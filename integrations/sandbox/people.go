package sandbox

import "citycard"

// The regions the made-up people live in, and the codes of the banks on their cards.
const (
	regionHome    = "320100"
	regionConfirm = "440100"
	regionFace    = "330100"

	bankICBC = "102"
	bankABC  = "103"
	bankBOC  = "104"
	bankCCB  = "105"
	bankPost = "403"
)

type cardChange = func(*CardRecord, citycard.Date)

func states(social citycard.SocialState, financial citycard.FinancialState) cardChange {
	return func(card *CardRecord, _ citycard.Date) {
		card.Social, card.Financial = string(social), string(financial)
	}
}

// receivedAgo is a card that lies unused since the person got it.
func receivedAgo(days int) cardChange {
	return func(card *CardRecord, today citycard.Date) {
		card.ReceivedOn, card.Social = today.AddDays(-days).String(), string(citycard.SocialSealed)
	}
}

func sketches() []sketch {
	return append(cardStories(), personStories()...)
}

// cardStories are told by the state of the card.
func cardStories() []sketch {
	return []sketch{
		{user: "new", name: "陆晓棠", number: "320100199003070022", region: regionHome, bank: bankICBC,
			zh: "新领的卡，等待激活", en: "New card, waiting to be activated"},
		{user: "already_active", name: "沈嘉禾", number: "320100198509140038", region: regionHome, bank: bankCCB,
			zh: "两项功能都已启用", en: "Both applications already active",
			change: states(citycard.SocialActive, citycard.FinancialActive)},
		{user: "sealed", name: "顾云舟", number: "320100197801220057", region: regionHome, bank: bankABC,
			zh: "社保功能尚未启用", en: "Social security application not enabled yet",
			change: states(citycard.SocialSealed, citycard.FinancialInactive)},
		{user: "temp_lost", name: "钱怀瑾", number: "320100199211300072", region: regionHome, bank: bankBOC,
			zh: "已临时挂失", en: "Reported lost for the time being",
			change: states(citycard.SocialTempLost, citycard.FinancialInactive)},
		{user: "formal_lost", name: "许望舒", number: "320100196904180081", region: regionHome, bank: bankICBC,
			zh: "已正式挂失", en: "Formally reported lost",
			change: states(citycard.SocialFormalLost, citycard.FinancialInactive)},
		{user: "frozen", name: "蒋若谷", number: "320100198108050090", region: regionHome, bank: bankPost,
			zh: "卡片被冻结", en: "Card frozen",
			change: states(citycard.SocialFrozen, citycard.FinancialInactive)},
		{user: "received_179_days", name: "韩知远", number: "320100198702210114", region: regionHome, bank: bankCCB,
			zh: "领卡 179 天，原医保卡明天到期", en: "Received 179 days ago: one day before the original medical card is restricted",
			change: receivedAgo(179)},
		{user: "received_181_days", name: "冯令仪", number: "320100199406160129", region: regionHome, bank: bankABC,
			zh: "领卡 181 天，原医保卡已受限", en: "Received 181 days ago: the original medical card is restricted",
			change: receivedAgo(181)},
		{user: "received_299_days", name: "曹子衿", number: "320100197510090141", region: regionHome, bank: bankBOC,
			zh: "领卡 299 天，明天满 300 天", en: "Received 299 days ago: one day before the card is suspended",
			change: receivedAgo(299)},
		{user: "received_301_days", name: "彭予安", number: "320100198303270152", region: regionHome, bank: bankICBC,
			zh: "领卡 301 天，已被停用", en: "Received 301 days ago: suspended",
			change: receivedAgo(301)},
		{user: "expired", name: "潘景行", number: "320100196607110175", region: regionHome, bank: bankCCB,
			zh: "卡片已过有效期", en: "Card past its validity",
			change: func(card *CardRecord, today citycard.Date) { card.ValidTo = today.AddDays(-1).String() }},
		{user: "not_collected", name: "唐采薇", number: "320100199805020182", region: regionHome, bank: bankABC,
			zh: "卡已制好，尚未领取", en: "Card made, not collected yet",
			change: func(card *CardRecord, _ citycard.Date) {
				card.Fulfilment, card.ReceivedOn = string(citycard.FulfilmentReadyForPickup), ""
				card.Social = string(citycard.SocialSealed)
			}},
		{user: "two_cards", name: "丁慕白", number: "320100198912170202", region: regionHome, bank: bankBOC, second: true,
			zh: "名下有两张有效卡", en: "Two live cards"},
		{user: "bank_confirm", name: "梁婉兮", number: "440100199308290218", region: regionConfirm, bank: bankICBC,
			zh: "由银行确认激活的城市（广州）", en: "A city where the bank confirms (Guangzhou)"},
		{user: "online_face", name: "叶清和", number: "330100198601100233", region: regionFace, bank: bankCCB,
			zh: "需刷脸激活的城市（杭州）", en: "A city that asks for a face check (Hangzhou)"},
	}
}

// personStories are told by who the person is.
func personStories() []sketch {
	return []sketch{
		{user: "two_numbers", name: "GARCIA ELENA MARIA", number: "932724198506120022", region: regionHome, bank: bankBOC,
			other: "ESP320185061203",
			zh:    "外国人，新旧两个永居证号码", en: "Foreign resident with an old and a new number; the card has the old one",
			change: func(card *CardRecord, _ citycard.Date) { card.IDNumber = "ESP320185061203" }},
		{user: "minority_name", name: "古丽娜尔·买买提", number: "320100199104250241", region: regionHome, bank: bankABC,
			zh: "姓名带间隔点，卡上写法不同", en: "A name with a middle dot; the record writes another dot",
			change: func(card *CardRecord, _ citycard.Date) { card.Name = "古丽娜尔•买买提" }},
		{user: "hmt_permit", name: "何梓晴", number: "810000198802150041", region: regionHome, bank: bankBOC,
			zh: "香港居民居住证", en: "Hong Kong resident's permit"},
		{user: "foreign_permanent", name: "NAKAMURA HARUTO", number: "932392197911030012", region: regionHome, bank: bankICBC,
			zh: "外国人永久居留身份证", en: "Foreign permanent resident card"},
		{user: "wrong_name", name: "邹以宁", number: "320100198409030261", region: regionHome, bank: bankCCB,
			zh: "卡上是另一个人的姓名", en: "The record has another person's name",
			change: func(card *CardRecord, _ citycard.Date) { card.Name = "邹以凝" }},
		{user: "no_card", name: "苏映雪", number: "32010020010214028X", region: regionHome,
			zh: "没有社保卡记录", en: "Nobody in the records"},
		{user: "elder", name: "吴桂兰", number: "32010019500308029X", region: regionHome, bank: bankPost,
			zh: "七十多岁的老人", en: "Elderly citizen, born 1950",
			change: states(citycard.SocialSealed, citycard.FinancialInactive)},
		{user: "agent", name: "吴念慈", number: "320100197609190302", region: regionHome, bank: bankICBC,
			zh: "替母亲办理的女儿，自己的卡已启用", en: "Daughter who acts for the elderly citizen; own card active",
			change: states(citycard.SocialActive, citycard.FinancialActive)},
		{user: "child", name: "方小满", number: "32010020170520032X", region: regionHome, bank: bankABC,
			zh: "未成年人", en: "Child, born 2017",
			change: states(citycard.SocialSealed, citycard.FinancialInactive)},
	}
}
