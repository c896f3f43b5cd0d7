package citycard

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Text is the problem's reason in both languages.
func (p RowProblem) Text() Text {
	zh, known := rowProblemsZH[p.Reason]
	if known {
		return Text{ZH: zh, EN: p.Reason}
	}
	if all := numbers.FindAllStringIndex(p.Reason, -1); all != nil {
		at := all[len(all)-1]
		n, err := strconv.Atoi(p.Reason[at[0]:at[1]])
		zh, known = rowProblemsZH[p.Reason[:at[0]]+"%d"+p.Reason[at[1]:]]
		if err == nil && known {
			return Text{ZH: fmt.Sprintf(zh, n), EN: p.Reason}
		}
	}
	return Text{ZH: p.Reason, EN: p.Reason}
}

var numbers = regexp.MustCompile(`[0-9]+`)

// rowProblemsZH are the reasons in Chinese; %d stands for the last number of a reason. A test holds that none is missing.
var rowProblemsZH = map[string]string{
	"the column is missing":   "缺少这一列",
	"a column is there twice": "有一列出现了两次",
	"a column is not one of " + strings.Join(cardColumns[:], ","): "有一列不是规定的列名",

	"the row has more fields than the header":                          "这一行的字段比表头多",
	"the row cannot be read":                                           "这一行无法读取",
	"the line is too long":                                             "这一行太长",
	"a quote stands inside a field that does not begin with one":       "字段中间出现了引号",
	"something follows a closing quote":                                "引号结束后还有内容",
	"a quote is not closed on its line":                                "引号在本行没有结束",
	"the field is empty":                                               "没有填写",
	"the field cannot be read":                                         "无法读取",
	"no city policy is in force for this region":                       "该地区没有生效的城市政策",
	"the city's policy names no such issuing bank":                     "城市政策里没有这家发卡银行",
	"the first six digits are not the card's region":                   "前六位不是这张卡的地区代码",
	"this city does not serve this kind of document":                   "本市不受理这类证件",
	"this city does not serve this kind of document here":              "本市不受理这类证件",
	"this is not a real day written YYYY-MM-DD":                        "不是真实的日期，应写作 YYYY-MM-DD",
	"must be ready_for_pickup or collected":                            "只能是 ready_for_pickup 或 collected",
	"is not a state of the social security application":                "不是社保功能的状态",
	"is not a state of the financial application that a file can give": "不是文件可以给出的金融功能状态",
	"a collected card needs the day of receipt":                        "已领取的卡需要领卡日期",
	"a card that waits to be picked up has no day of receipt":          "待领取的卡没有领卡日期",
	"the day of receipt lies in the future":                            "领卡日期在未来",
	"the day of receipt lies before the holder's birth":                "领卡日期早于持卡人出生日期",
	"the validity ends before the day of receipt":                      "有效期早于领卡日期",
	"a card that waits to be picked up cannot be in this state":        "待领取的卡不能处于这个状态",

	"another name is on record for this ID number; correct the file or the record first": "该证件号码登记的是另一个姓名，请先更正文件或档案",
	"another card on record has this identification code":                                "另一张已登记的卡使用了这个识别码",
	"this card number is on record for another person":                                   "该卡号登记在另一个人名下",

	"this is a 15-digit number of the first generation; enter the 18 characters of the present card": "这是第一代 15 位号码，请填写现用证件的 18 位号码",
	"the number must have 18 characters, not %d":                                                     "号码应为 18 位，现在是 %d 位",
	"a number of 15 characters must be three letters and twelve digits":                              "15 位号码应为 3 个字母加 12 位数字",
	"after three letters there must be a digit and then letters and digits only":                     "3 个字母之后应为一位数字，再后面只能是字母和数字",
	"character 18 must be a digit or X":                                                              "第 18 位应为数字或 X",
	"character %d must be a digit":                                                                   "第 %d 位应为数字",
	"numbers of 15 digits were given to citizens only":                                               "15 位数字号码只发给过公民",
	"characters 7 to 14 are not a real date of birth":                                                "第 7 至 14 位不是真实的出生日期",
	"the date of birth, characters 7 to 14, lies in the future":                                      "出生日期（第 7 至 14 位）在未来",
	"characters 2 and 3 name no province":                                                            "第 2、3 位不是省级代码",
	"characters 1 and 2 name no province":                                                            "前两位不是省级代码",
	"the check character, character 18, does not fit the others; one of them is mistyped":            "校验码（第 18 位）不符，其中一位有误",

	"the name is not valid UTF-8":                                   "姓名不是有效的 UTF-8",
	"the name holds an invisible control character or damaged text": "姓名含有不可见字符或已损坏的文字",
	"the name is empty":                                             "没有填写姓名",
	"the name has more than 50 characters":                          "姓名超过 50 个字",

	"a card number has nine letters and digits":                           "卡号应为 9 位字母和数字",
	"an account number has 12 to 19 digits":                               "银行账号应为 12 至 19 位数字",
	"the check digit does not fit; one digit is mistyped":                 "校验位不符，有一位写错",
	"a card identification code has 32 hexadecimal digits":                "卡识别码应为 32 位十六进制数",
	"a card identification code begins with the six digits of its region": "卡识别码的前六位应为地区代码",
	"a phone number has 7 to 15 digits":                                   "电话号码应为 7 至 15 位数字",

	"the file is in UTF-16; save it as CSV in UTF-8 or GB18030":                                       "文件是 UTF-16 编码，请另存为 UTF-8 或 GB18030（GBK）编码的 CSV",
	"the file is a spreadsheet; save it as CSV":                                                       "这是电子表格文件，请另存为 CSV",
	"the file is empty; its first line names the columns":                                             "文件是空的，第一行应为列名",
	"the columns must be parted by commas; save the file as CSV with commas":                          "各列应以英文逗号分隔，请另存为逗号分隔的 CSV",
	"the column is missing; the first line names the columns as our own list does":                    "缺少这一列，第一行的列名应与我方清单一致",
	"the field is empty; give the event's number or remove the line":                                  "没有填写，请补上业务流水号或删除该行",
	"a spreadsheet program has rounded this number; format the column as text and save the list anew": "流水号已被电子表格软件改成科学计数，请把该列设为文本格式后重新导出",
	"this is no event number of 8 to 64 letters, digits, - and _; correct or remove the line":         "不是有效的业务流水号（8 至 64 位字母、数字、- 或 _），请改正或删除该行",
	"the list has more than a million lines; is it of one day only?":                                  "清单超过一百万行，请确认只含这一天",
	"this number is on the list twice; remove one of the lines":                                       "同一流水号出现了两次，请删除其中一行",
	"this is no time; write it as 2026-11-22T11:59:00+08:00 or 2026-11-22 11:59:00":                   "不是有效的时间，应写作 2026-11-22T11:59:00+08:00 或 2026-11-22 11:59:00",
	"the line has more or fewer columns than the first line":                                          "这一行的列数与第一行不同",
	"a quote is not closed, or stands inside a field that does not begin with one":                    "引号没有结束，或字段中间出现了引号",
}
