package telco

// What the teller is told. Vars because Go has no struct constants; nothing changes
// them.
var (
	sayHold = Text{
		VI: "Chưa xác định kết quả. KHÔNG thu thêm tiền, KHÔNG đăng ký lại; tra cứu sau.",
		EN: "The result is not known yet. Take NO more money and do NOT register again; look it up later.",
	}
	sayRegistered = Text{
		VI: "Đăng ký gói cước thành công. Hướng dẫn khách hàng cách sử dụng.",
		EN: "The package is registered. Show the customer how to use it.",
	}
	sayReenter = Text{
		VI: "Hỏi lại khách mã trong tin nhắn và nhập lại.",
		EN: "Ask the customer for the code in the message again and type it again.",
	}
	sayNewOTP = Text{
		VI: "Yêu cầu mã OTP mới, rồi nhập mã mới.",
		EN: "Ask for a new OTP, then type the new code.",
	}
	sayRunOut = Text{
		VI: "Mã OTP đã hết hạn nên yêu cầu chưa được gửi đi. Yêu cầu mã OTP mới, rồi nhập mã mới.",
		EN: "The OTP has run out, so nothing was sent. Ask for a new OTP, then type the new code.",
	}
	sayNewTransaction = Text{
		VI: "Tạo giao dịch mới và yêu cầu mã OTP mới.",
		EN: "Begin a new transaction and ask for a new OTP.",
	}
	sayCheckPhone = Text{
		VI: "Kiểm tra máy của khách (bật máy, có sóng, còn chỗ nhận tin nhắn), rồi yêu cầu mã OTP mới.",
		EN: "Check the customer's phone (on, with signal, able to receive messages), then ask for a new OTP.",
	}
	sayWaitForOTP = Text{
		VI: "Chờ hết thời gian rồi yêu cầu mã OTP mới; mã đã nhận trước đó có thể vẫn dùng được.",
		EN: "Wait, then ask for a new OTP; a code received before may still be good.",
	}
	sayMayBeSent = Text{
		VI: "Chưa rõ mã OTP đã được gửi hay chưa; bước này không đăng ký gói nào. KHÔNG thu thêm tiền. Chờ giây lát rồi yêu cầu mã OTP mới và chỉ dùng mã mới nhất.",
		EN: "It is not known whether the OTP was sent; this step registers nothing. Take NO more money. Wait a moment, then ask for a new OTP and use only the newest code.",
	}
	sayAskAgain = Text{
		VI: "Bước này không đăng ký gói nào. KHÔNG thu thêm tiền; thử lại sau giây lát.",
		EN: "This step registered nothing. Take NO more money; try again in a moment.",
	}
	sayAskLater = Text{
		VI: "KHÔNG thu thêm tiền; hẹn khách thử lại sau.",
		EN: "Take NO more money; ask the customer to try again later.",
	}
	sayNotSent = Text{
		VI: "Yêu cầu chưa được gửi đi; thử lại sau giây lát.",
		EN: "The request was not sent; try again in a moment.",
	}
	sayTooLate = Text{
		VI: "Yêu cầu chưa được gửi đi vì đã quá thời gian; thử lại ngay.",
		EN: "The request was not sent because it came too late; try again now.",
	}
	sayCorrectInput = Text{
		VI: "Yêu cầu chưa được gửi đi vì thông tin nhập chưa đúng. Sửa lại rồi thử lại; nếu vẫn lỗi, liên hệ hỗ trợ.",
		EN: "The request was not sent because what was entered is not right. Correct it and try again; if it still fails, call support.",
	}
	saySupport = Text{
		VI: "Chưa có gói nào được đăng ký ở bước này. Liên hệ bộ phận hỗ trợ.",
		EN: "This step registered nothing. Call support.",
	}
	sayNotRegistered = Text{
		VI: "Gói cước chưa được đăng ký.",
		EN: "The package was not registered.",
	}
	sayReturn = Text{
		VI: "Trả lại tiền cho khách.",
		EN: "Give the customer the money back.",
	}
	sayRefuse = Text{
		VI: "KHÔNG thu tiền; tư vấn cho khách gói khác nếu phù hợp.",
		EN: "Take NO money; advise another package if one fits.",
	}
	sayKeepCash = Text{
		VI: "Giữ nguyên số tiền đã thu cho đến khi đăng ký xong hoặc trả lại khách.",
		EN: "The money taken stays where it is until the registration is done or it is given back.",
	}
)
