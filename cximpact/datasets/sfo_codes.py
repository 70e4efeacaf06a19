"""How nine yearly files of the San Francisco airport survey name and code the same things.

Transcribed from the airport's own code lists and field guides, one a year.
"""

from __future__ import annotations

YEARS = tuple(range(2010, 2019))

# Column of the table, then what each year's file calls it (2010 to 2018); "-" where it was not
# asked, or is coded too differently to be put beside the others.
_NAMES = """
resp        RESPNUM RESPNUM RESPNUM RESPNUM RESPNUM RESPNUM RESPNUM RESPNUM RESPNUM
airline     AIRLINE AIRLINE AIRLINE AIRLINE AIRLINE AIRLINE AIRLINE AIRLINE AIRLINE
gate        GATENUM GATE GATE GATE GATE GATE GATE GATE GATE
strata      STRATA STRATA STRATA STRATA STRATA STRATA STRATA STRATA STRATA
peak        - - - PEAK PEAK PEAK PEAK PEAK PEAK
saq         SAQ SAQ SAQ SAQ SAQ SAQ SAQ SAQ SAQ
dest_geo    DESTGEO DESTGEO DESTGEO DESTGEO DESTGEO DESTGEO DESTGEO DESTGEO DESTGEO
lang        LANG LANG LANG LANG LANG LANG LANG LANG LANG
overall     Q6N Q8N Q8N_WHOLE Q7O_WHOLE Q7ALL Q7ALL Q7ALL Q7ALL Q7ALL
weight      WEIGHT - - WEIGHT WEIGHT WEIGHT WEIGHT WEIGHT WEIGHT
bags        - - Q4BAGS Q4BAGS Q4BAGS Q4BAGS Q4BAGS Q4BAGS Q4BAGS
store       - - Q4BUY Q4BUY Q4STORE Q4STORE Q4STORE Q4STORE Q4STORE
food_buy    - - Q4FOOD Q4FOOD Q4FOOD Q4FOOD Q4FOOD Q4FOOD Q4FOOD
fly12       - - Q7FLYPERYR Q5FLYPERYR Q5TIMESFLOWN Q5TIMESFLOWN Q5TIMESFLOWN Q5TIMESFLOWN \
Q5TIMESFLOWN
art         - - Q8A_ART Q7A_ART Q7ART Q7ART Q7ART Q7ART Q7ART
food        - - Q8B_FOOD Q7B_FOOD Q7FOOD Q7FOOD Q7FOOD Q7FOOD Q7FOOD
shops       - - Q8C_SHOP Q7C_SHOPS Q7STORE Q7STORE Q7STORE Q7STORE Q7STORE
signs       - - Q8D_SIGNS Q7D_SIGNS Q7SIGN Q7SIGN Q7SIGN Q7SIGN Q7SIGN
walkways    - - Q8E_WALK Q7E_WALK Q7WALKWAYS Q7WALKWAYS Q7WALKWAYS Q7WALKWAYS Q7WALKWAY
screens     - - Q8F_SCREENS Q7F_SCREENS Q7SCREENS Q7SCREENS Q7SCREENS Q7SCREENS Q7SCREENS
roads       - - Q8I_ROAD Q7J_ROAD Q7ROADS Q7ROADS Q7ROADS Q7ROADS Q7ROADS
parking     - - Q8J_PARK Q7K_PARK Q7PARK Q7PARK Q7PARK Q7PARK Q7PARK
airtrain    - - Q8K_AIRTRAIN Q7L_AIRTRAIN Q7AIRTRAIN Q7AIRTRAIN Q7AIRTRAIN Q7AIRTRAIN Q7AIRTRAIN
clean_board - - Q10A_CLNBOARD Q9A_CLNBOARD Q9BOARDING Q9BOARDING Q9BOARDING Q9BOARDING Q9BOARDING
clean_rest  - - Q10F_CLNBATH Q9E_CLNBATH Q9RESTROOM Q9RESTROOM Q9RESTROOM Q9RESTROOM Q9RESTROOM
safe        - - Q11SAFE Q10SAFE Q10SAFE Q10SAFE Q10SAFE Q10SAFE Q10SAFE
find        - - Q15A_FIND Q14A_FIND Q14FIND Q14FIND Q14FIND Q14FIND Q14FIND
security    - - Q15B_SECURITY Q14B_SECURITY Q14PASSTHRU Q14PASSTHRU Q14PASSTHRU Q14PASSTHRU \
Q14PASSTHRU
problem     - - Q16_PROBLEM Q15_PROBLEMS Q15PROBLEM Q15PROBLEM Q15PROBLEM Q15PROBLEM Q15PROBLEM
age         - - Q19_AGE Q18_AGE Q18AGE Q18AGE Q19AGE Q19AGE Q20AGE
sex         - - Q20_SEX Q19_SEX Q19GENDER Q19GENDER Q20GENDER Q20GENDER Q21GENDER
income      - - Q21_INCOME Q20_INCOME Q20INCOME Q20INCOME Q21INCME Q21INCOME Q22INCOME
tenure      - - - Q6TENURE Q6LONGUSE Q6LONGUSE Q6LONGUSE Q6LONGUSE Q6LONGUSE
wifi        - - - Q7I_WIFI Q7WIFI Q7WIFI Q7WIFI Q7WIFI Q7WIFI
clean_all   - - - Q9F_CLNWHOLE Q9ALL Q9ALL Q9ALL Q9ALL Q9ALL
use_sjc     - - - Q22A_USESJC Q22SJC Q22SJC Q23SJC Q23SJC Q24SJC
use_oak     - - - Q22B_USEOAK Q22OAK Q22OAK Q23OAK Q23OAK Q24OAK
tsapre      - - - - Q11TSAPRE Q11TSAPRE Q11TSAPRE Q11TSAPRE Q11TSAPRE
nps         - - - - - - - NETPRO NETPRO
"""

RAW_NAMES: dict[str, dict[int, str]] = {
    column: {year: raw for year, raw in zip(YEARS, names, strict=True) if raw != "-"}
    for column, *names in (line.split() for line in _NAMES.strip().splitlines())
}

# Ratings from 1 to 5 where 6 is "never used"; each has a companion column that ends in _na.
RATINGS = (
    *("overall", "art", "food", "shops", "signs", "walkways", "screens", "roads", "parking"),
    *("airtrain", "clean_board", "clean_rest", "safe", "wifi", "clean_all"),
)
YES_NO = ("bags", "store", "food_buy", "problem", "use_sjc", "use_oak", "tsapre")

# Answers of the code list; everything else is "blank", "refused" or a slip of the keyboard.
ALLOWED: dict[str, tuple[int, int]] = {
    **{column: (1, 5) for column in (*RATINGS, "find", "security")},
    **{column: (1, 2) for column in (*YES_NO, "saq")},
    **{"strata": (1, 3), "peak": (1, 3), "dest_geo": (1, 9), "lang": (1, 4), "fly12": (1, 6)},
    **{"tenure": (1, 4), "age": (1, 7), "sex": (1, 3), "income": (1, 5), "nps": (0, 10)},
}

# The 2016 file writes these two in words. Its fifteen "Under 18" were filled down in a
# spreadsheet and became "Under 18", "Under 19" ... "Under 32", one row each.
WORDS: dict[str, int] = {
    **{"18-24": 2, "25-34": 3, "35-44": 4, "45-54": 5, "55-64": 6, "65-Over": 7},
    **{f"Under {years}": 1 for years in range(18, 33)},
    **{"Male": 1, "Female": 2},
}

# Boarding area by gate, for the years whose file does not say.
AREA_GATES = {
    **{"A": (1, 12), "B": (20, 39), "C": (40, 48), "D": (50, 59), "E": (60, 69)},
    **{"F": (70, 90), "G": (91, 102)},
}
AREA_NAMES = {2014: "AREA", **dict.fromkeys((2012, 2015, 2016, 2017, 2018), "BAREA")}

# Minutes at the airport, by the clock from arrival to departure. (Three years also have a column
# of counted minutes, with slips such as 1399 for 23:20 to 10:59.)
FIRST_CLOCK_YEAR = 2012

# Every column that is read from some file.
USED = {raw for names in RAW_NAMES.values() for raw in names.values()}
USED |= {"INTDATE", "ARRTIME", "DEPTIME", *AREA_NAMES.values()}
TEXT = {"AIRLINE", "GATE", "GATENUM", "INTDATE", "ARRTIME", "DEPTIME", *AREA_NAMES.values()}
BLANKS = ["BLANK", "Blank"]
MINUTES_RANGE = (15, 720)

_EARLY = (
    "Aeromexico|Air Canada|Air New Zealand|Air Berlin|AirTran|Alaska|ANA|American|British Airways|"
    "Cathay Pacific|Continental|Delta|Emirates|Frontier|Hawaiian|JetBlue|KLM|LAN|Lufthansa|"
    "Northwest|Philippine|Qantas|Singapore|SkyWest|Southwest|Sun Country|TACA|United|US Airways|"
    "Virgin America|WestJet|Other|Unknown||Air China|EVA Air|Pre-security"
)
_2011 = "|Air France|Asiana|Japan Airlines|Korean Air|Swiss"
_2012 = (
    "Aeromexico|Air Canada|Air China|Air France|Air New Zealand|Air Berlin|AirTran|Alaska|American|"
    "ANA|Asiana|British Airways|Cathay Pacific|China Airlines|Delta|Emirates|EVA Air|Frontier|"
    "Hawaiian|Japan Airlines|JetBlue|KLM|Korean Air|LAN|Lufthansa|Philippine|Singapore|Southwest|"
    "Sun Country|Swiss|TACA|United|United International|US Airways|Virgin America|Virgin Atlantic|"
    "WestJet|Other|Unknown"
)
_LATE = (
    "Aeromexico|Air Canada|Air China|Air France|Air New Zealand|AirTran|Alaska|American|ANA|Asiana|"
    "British Airways|Cathay Pacific|China Airlines|China Eastern|Delta|Emirates|EVA Air|Frontier|"
    "Hawaiian|Japan Airlines|JetBlue|KLM|Korean Air|LAN|Lufthansa|Philippine|SAS|Singapore|"
    "Southwest|Sun Country|Swiss|TACA|United|United International|US Airways|Virgin America|"
    "Virgin Atlantic|WestJet"
)
_LISTS = {2010: _EARLY, 2011: _EARLY + _2011, 2012: _2012} | {
    **{2013: _LATE + "|Other|Unknown", 2014: _LATE + "|Aer Lingus|Unknown"},
    **{2015: _LATE + "|Aer Lingus|Unknown|Etihad"},
}

# Airline by year and code. The numbers are NOT the same from year to year: 30 is Virgin America
# in 2010 and Swiss in 2012.
AIRLINES: dict[int, dict[str, str]] = {
    year: {str(code): name for code, name in enumerate(names.split("|"), start=1) if name}
    for year, names in _LISTS.items()
}

# From 2016 on the files give names; these are spelled otherwise than in the lists above.
SPELLINGS = {
    **{"ANA ALL NIPPON": "ANA", "HAWAIIAN AIR": "Hawaiian", "KOREAN AIR LINES": "Korean Air"},
    **{"PHILIPPINE AIR": "Philippine", "PHILIPPINE AIRLINES": "Philippine", "WOW": "WOW"},
    **{"SAS (SCANDINAVIAN)": "SAS", "SINGAPORE AIRLINES": "Singapore", "COPA": "Copa"},
    **{"SWISS INTL AIR": "Swiss", "TURKISH AIRLINES": "Turkish", "EVA AIR": "EVA Air"},
    **{"UNITED INTL": "United International", "AIR FRANCE/KLM": "Air France/KLM"},
    **{"JETBLUE": "JetBlue", "WESTJET": "WestJet"},
}
