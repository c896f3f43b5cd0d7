package cardfile

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"citycard"
)

// Demo says which made-up cards to write. The same Demo always gives the same file.
type Demo struct {
	Count int
	Seed  uint64
	// Region issues the cards, Banks are behind them; Today is the day the dates are reckoned from.
	Region string
	Banks  []citycard.Bank
	Today  citycard.Date
}

// The made-up people are born on demoDays days from demoFirst on, demoPerDay of them each day. The sequence
// numbers begin above those of the stand-in super-app's people.
const (
	demoDays       = 21915 // 1940 to 1999
	demoPerDay     = 899
	demoFirstSeq   = 101
	demoFirstCard  = 20_000_000
	demoReceiptMax = 170 // days ago: within every deadline

	// MaxDemo is the most made-up cards there are.
	MaxDemo = demoDays * demoPerDay
)

var (
	demoFirst    = time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC)
	demoSurnames = []rune("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳")
	demoGiven    = []rune("安邦晨朝澄楚川春达丹德东恩帆芳飞丰风刚歌光桂国海涵航禾恒宏华欢佳嘉建江洁金瑾静君凯可岚朗乐黎丽利良林琳玲龙露璐梅美萌敏明宁佩鹏平琪琦倩青清晴秋然荣瑞森珊尚诗书舒思松涛天彤维文武希晓欣新星兴雄秀旭雪雅岩阳一怡宜艺逸毅英颖永勇宇雨玉元远悦云泽哲真正志智舟卓子梓")
)

// Write writes the cards as CSV with a header. Every one was collected within the deadlines and can be
// activated online: social security application enabled for two of three, financial application inactive.
func (d Demo) Write(w io.Writer) error {
	if d.Count < 1 || d.Count > MaxDemo {
		return fmt.Errorf("make up cards: the count must be from 1 to %d", MaxDemo)
	}
	if len(d.Banks) == 0 {
		return errors.New("make up cards: the city's policy names no bank")
	}
	out := csv.NewWriter(w)
	if err := out.Write(citycard.CardColumns()); err != nil {
		return fmt.Errorf("make up cards: %w", err)
	}
	random := rand.New(rand.NewPCG(d.Seed, 0)) //nolint:gosec // made-up data, and it must repeat
	received := make([]string, demoReceiptMax+1)
	for days := range received {
		received[days] = d.Today.AddDays(-days).String()
	}
	row := make([]string, len(citycard.CardColumns()))
	for i := range d.Count {
		if err := errors.Join(d.fill(row, i, random, received), out.Write(row)); err != nil {
			return fmt.Errorf("make up cards: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("make up cards: %w", err)
	}
	return nil
}

// fill makes up card i in the order of citycard.CardColumns. No two have the same person, card or account.
func (d Demo) fill(row []string, i int, random *rand.Rand, received []string) error {
	// Stepping by a number without a common factor visits every place once, far from the one before.
	const step = 7_368_787
	place := i * step % MaxDemo
	born, seq := demoFirst.AddDate(0, 0, place/demoPerDay), demoFirstSeq+place%demoPerDay
	number, err := citycard.UpgradeIDNumber(d.Region+born.Format("060102")+strconv.Itoa(seq), d.Today)
	if err != nil {
		return err
	}
	bank := string(d.Banks[random.IntN(len(d.Banks))])
	card := "D" + strconv.Itoa(demoFirstCard+i)
	social := string(citycard.SocialActive)
	if random.IntN(3) == 0 {
		social = string(citycard.SocialSealed)
	}
	copy(row, []string{
		d.Region,
		number.Reveal(),
		demoName(random),
		card,
		demoCode(d.Region, card),
		bank,
		withLuhnDigit("62" + bank + fmt.Sprintf("%013d", 1_000_000_000+i)),
		string(citycard.FulfilmentCollected),
		received[1+random.IntN(demoReceiptMax)],
		"",
		social,
		string(citycard.FinancialInactive),
		"199" + strconv.Itoa(10_000_000+i),
	})
	return nil
}

// demoCode is the identification code of a made-up card: it follows from region and card number.
func demoCode(region, card string) string {
	sum := sha256.Sum256([]byte("made-up card " + card))
	return region + strings.ToUpper(hex.EncodeToString(sum[:13]))
}

// IsDemo tells whether a card was made up by Demo, or by the stand-in super-app in the same way.
func IsDemo(card citycard.Card) bool {
	return card.IdentificationCode == demoCode(card.Region, string(card.Number))
}

func demoName(random *rand.Rand) string {
	name := []rune{demoSurnames[random.IntN(len(demoSurnames))], demoGiven[random.IntN(len(demoGiven))]}
	if random.IntN(4) > 0 {
		name = append(name, demoGiven[random.IntN(len(demoGiven))])
	}
	return string(name)
}

// withLuhnDigit appends the Luhn check digit (ISO/IEC 7812-1).
func withLuhnDigit(digits string) string {
	sum, double := 0, true
	for _, digit := range slices.Backward([]byte(digits)) {
		value := int(digit - '0')
		if double {
			value *= 2
		}
		sum += value/10 + value%10
		double = !double
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}
