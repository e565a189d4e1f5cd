package catalog

import (
	"time"

	"github.com/fptshop/mobifone-go/mobifone/telco"
)

// This file holds the packages of the partner agreement and the advice on them. Only what the
// agreement says is a rule; the source of everything else is named beside it.

// The sources of the embedded notes.
const (
	agreement   = "partner agreement"
	publicPages = "MobiFone's public pages on the C120 family"
	someCopies  = "some copies of MobiFone's public pages on the C120 family"
	sisters     = "MobiFone's public pages on sister packages"
)

// Default returns the three packages of the agreement: C120, 3C120 and 6C120. Each call
// builds it anew, so nothing a caller does with it reaches another caller.
func Default() *Catalog {
	return &Catalog{pkgs: []Package{
		c120("C120", 120_000, 30),
		c120("3C120", 360_000, 90),
		c120("6C120", 720_000, 180),
	}}
}

// c120 is one package of the family: they differ in price and length alone.
func c120(code telco.PackageCode, price telco.VND, days int) Package {
	return Package{
		Code:           code,
		Name:           string(code),
		Price:          price,
		CycleDays:      days,
		ResetDays:      30,
		AutoRenew:      true,
		DataMBPerDay:   4 * 1024,
		OnNetFreeUnder: 20 * time.Minute,
		OffNetFree:     50 * time.Minute,
		Notes:          notes(string(code)),
	}
}

// notes are the sentences on a package of the family, with its code put in.
func notes(code string) []Note {
	return []Note{
		{
			Topic: "grant", Source: agreement,
			Text: telco.Text{
				VI: "Ưu đãi được cộng ngay sau khi đăng ký thành công.",
				EN: "The benefits are added at once after a successful registration.",
			},
		},
		{
			Topic: "renewal", Source: agreement,
			Text: telco.Text{
				VI: "Chu kỳ sau: hệ thống MobiFone kiểm tra tài khoản chính và tự gia hạn nếu đủ tiền.",
				EN: "Later cycles: MobiFone's system checks the main account and renews by itself if the money is enough.",
			},
		},
		{
			Topic: "commitment", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: theo trang công khai của MobiFone, gói có cam kết sử dụng 720 ngày.",
				EN: "For information: MobiFone's public pages say that the package binds for 720 days.",
			},
		},
		{
			Topic: "porting", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: theo trang công khai của MobiFone, không chuyển mạng giữ số trong thời gian cam kết.",
				EN: "For information: MobiFone's public pages say that the number cannot be ported while the commitment lasts.",
			},
		},
		{
			Topic: "cancel", Source: publicPages, Advice: true,
			Text: telco.Text{
				VI: "Hủy gói (tham khảo): soạn HUY " + code + " gửi 789 hoặc 999, hoặc đến cửa hàng MobiFone.",
				EN: "To cancel (for information): text HUY " + code + " to 789 or 999, or visit a MobiFone shop.",
			},
		},
		{
			Topic: "check", Source: sisters, Advice: true,
			Text: telco.Text{
				VI: "Kiểm tra ưu đãi còn lại (tham khảo): soạn KT " + code + " hoặc KT ALL gửi 999.",
				EN: "To see what is left (for information): text KT " + code + " or KT ALL to 999.",
			},
		},
		{
			Topic: "closed", Source: someCopies, Advice: true,
			Text: telco.Text{
				VI: "Tham khảo: một số trang ghi gói đã ngừng đăng ký mới. Thỏa thuận đối tác quy định khác cho kênh này; " +
					"chỉ kết quả kiểm tra của MobiFone quyết định.",
				EN: "For information: some copies of the pages say that new registration has stopped. The partner agreement " +
					"says otherwise for this channel; only MobiFone's eligibility answer decides.",
			},
		},
	}
}
