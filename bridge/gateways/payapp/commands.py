"""The seller's own commands and their fields, as the manual lists them. (manual, 판매자 회원 가입, 부계정)"""

from bridge.domain.merchant_commands import AdminCommand, AdminField

RIGHTS = {
    "0": ("권한없음", "none"),
    "1": ("부계정사용", "use of the account"),
    "2": ("메인관리자", "main administrator"),
    "3": ("부계정사용 + 메인관리자", "use, main administrator"),
    "4": ("결제취소", "cancelling payments"),
    "5": ("부계정사용 + 결제취소", "use, cancelling payments"),
    "6": ("메인관리자 + 결제취소", "main administrator, cancelling payments"),
    "7": ("모두", "all of them"),
}
KINDS_OF_BUSINESS = (
    "Blog사업자", "쇼핑몰사업자", "방문판매", "음식점(배달)", "A/S긴급출동", "운수업", "컨텐츠", "도소매",
    "유통", "서비스", "숙박업", "임대업", "농수산업", "기타",
)  # fmt: skip
WAYS_OF_THE_APP = (
    "REMOTE", "OCR", "APPLE_PAY", "NAVER_PAY", "KAKAO_PAY", "SMILE_PAY", "WECHAT_PAY", "PAYCO", "QR", "MANUAL", "NFC",
    "SAMSUNG",
)  # fmt: skip
YES_NO = {"1": ("예", "yes"), "0": ("아니요", "no")}

ASKED = (
    AdminCommand(
        "useridCheck",
        "판매자 아이디를 쓸 수 있는지 확인 (중복 체크)",
        "ask whether a seller's id is free",
        (AdminField("userid", "판매자 아이디", "seller's id", needed=True),),
    ),
    AdminCommand(
        "sellerRegist",
        "판매자 또는 리셀러 등록 (판매자 회원 가입)",
        "register a seller or reseller",
        (
            AdminField("userid", "판매자 아이디", "seller's id", needed=True),
            AdminField(
                "userpwd", "판매자 비밀번호 (영문, 숫자 8자리)", "seller's password (8 letters, digits)",
                needed=True, holds="secret",
            ),
            AdminField("sellername", "판매자명", "seller's name", needed=True, holds="person"),
            AdminField("phone", "판매자 휴대전화번호", "seller's mobile phone", needed=True, holds="person"),
            AdminField("email", "이메일", "e-mail", needed=True, holds="person"),
            AdminField(
                "usertype", "판매자 구분", "kind of seller", needed=True,
                choices={"1": ("개인", "a person"), "2": ("사업자", "a business")},
            ),
            AdminField("username", "이름 (개인)", "name, of a person", holds="person"),
            AdminField("compregno", "사업자등록번호 (사업자)", "business number, of a business", holds="person"),
            AdminField("compname", "상호 (사업자)", "company, of a business", holds="person"),
            AdminField("ceo_nm", "대표자 (사업자)", "its head, of a business", holds="person"),
            AdminField("biztype1", "업태 (사업자)", "type of trade, of a business"),
            AdminField("biztype2", "업종 (사업자)", "line of trade, of a business"),
            AdminField(
                "bizkind", "서비스 구분", "kind of service", needed=True,
                choices={one: (one, one) for one in KINDS_OF_BUSINESS},
            ),
            AdminField("zipcode", "우편번호", "post code", holds="person"),
            AdminField("addr1", "주소", "address", holds="person"),
            AdminField("addr2", "상세 주소", "address, second line", holds="person"),
            AdminField("homepage", "홈페이지", "home page"),
            AdminField("compbank", "정산은행", "bank to settle with"),
            AdminField("compbanknum", "정산 계좌번호", "account number", holds="person"),
            AdminField("compbankname", "정산 계좌 예금주", "account's holder", holds="person"),
            AdminField(
                "join_type", "가입형태", "kind of contract", needed=True,
                choices={"0": ("유료 (리셀러는 이것만)", "paid (resellers: this)"), "4": ("할인", "at a discount")},
            ),
            AdminField(
                "seller_type", "가입구분", "registered as", needed=True,
                choices={"seller": ("판매자", "seller"), "reseller": ("리셀러", "reseller")},
            ),
            AdminField("common_feedbackurl", "공통 통보 URL", "address all notices go to"),
        ),
        changes=True,
    ),
    AdminCommand(
        "subidregist",
        "직원 계정 등록 (부계정 등록)",
        "register a staff account",
        (
            AdminField("subuserid", "부계정 아이디", "staff account's id", needed=True),
            AdminField("subpwd", "부계정 비밀번호", "its password", needed=True, holds="secret"),
            AdminField("subname", "부계정명", "its name", needed=True, holds="person"),
            AdminField("subetc1", "대분류", "department"),
            AdminField("subetc2", "중분류", "part of it"),
            AdminField("subetc3", "소분류", "part of that"),
            AdminField("subjtype", "직급", "rank"),
            AdminField("state", "권한", "rights", choices=RIGHTS),
        ),
        changes=True,
    ),
    AdminCommand(
        "checkNpayCashReceiptReq",
        "네이버페이 결제의 현금영수증 대상 금액 조회",
        "ask for how much of a Naver Pay payment a cash receipt is due",
        (AdminField("mul_no", "결제요청번호", "number at PayApp", needed=True),),
    ),
)  # fmt: skip
"""What PayApp is asked."""

HANDED_OUT = (
    AdminCommand(
        "appLink",
        "페이앱 앱을 여는 주소 만들기 (대면 결제, 결제 요청)",
        "make an address that opens PayApp's app at the counter or for a buyer elsewhere; notices go to feedbackurl",
        (
            AdminField(
                "reqType", "결제 방법", "way to pay (none: REMOTE)",
                choices={one: (one, one) for one in WAYS_OF_THE_APP},
            ),
            AdminField("returnUri", "결과를 받을 주소", "address the result comes back to", needed=True),
            AdminField("goodName", "상품명", "title", needed=True),
            AdminField("goodPrice", "금액(원)", "amount (KRW)", needed=True),
            AdminField("phoneNumber", "구매자 휴대전화번호", "buyer's mobile phone", holds="person"),
            AdminField("hasTax", "과세", "taxed", choices=YES_NO),
            AdminField("cardinst", "할부 개월", "instalments (months)"),
            AdminField("isAllPayReqType", "다른 방법도 보이기", "show the other ways too", choices=YES_NO),
            AdminField("feedbackurl", "통보 URL", "address its notices go to, never the bridge's own"),
            AdminField("var1", "임의 값 1", "own value 1"),
            AdminField("var2", "임의 값 2", "own value 2"),
        ),
    ),
    AdminCommand(
        "appResult",
        "페이앱 앱이 가져온 결과 읽기",
        "read what the app brought to returnUri",
        (
            AdminField(
                "state", "결과", "result", needed=True, choices={"1": ("성공", "done"), "0": ("실패", "not done")}
            ),
            AdminField("errorCode", "오류 코드", "error code"),
            AdminField("errorMessage", "오류 문구", "error message"),
            AdminField("mul_no", "결제요청번호", "number at PayApp"),
            AdminField("payurl", "결제 주소", "payment's address"),
            AdminField("csturl", "전표 주소", "slip's address"),
            AdminField("cardName", "카드", "card"),
            AdminField("cardNum", "카드번호(가려진)", "card's number, masked", holds="person"),
            AdminField("date", "때", "when"),
            AdminField("installment", "할부", "instalments"),
            AdminField("goodName", "상품명", "title"),
            AdminField("var1", "임의 값 1", "own value 1"),
            AdminField("var2", "임의 값 2", "own value 2"),
        ),
    ),
    AdminCommand(
        "priceWindow",
        "구매자가 금액을 적는 결제창의 코드 만들기 (상품명을 비우면 상품명도)",
        "make the lines for a page on which the buyer names the price (the title too, if it is left out)",
        (
            AdminField("goodname", "상품명", "title"),
            AdminField("price", "금액(원)", "amount (KRW)"),
            AdminField("feedbackurl", "통보 URL", "address its notices go to, never the bridge's own"),
        ),
    ),
)  # fmt: skip
"""What an operator asks for and gets from here; nothing of it reaches PayApp."""
