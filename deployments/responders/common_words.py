"""Words of English and German that say little about what is wanted, and which words stand for which. Data only, as
people write it; `reading.py` folds it.
"""

from __future__ import annotations

from typing import NamedTuple


class Language(NamedTuple):
    stop: frozenset[str]  # says next to nothing
    padding: frozenset[str]  # greetings, thanks, times: says little in a sentence that says something else as well
    vague: frozenset[str]  # everyday words that may be said of anything
    topics: frozenset[str]  # everyday words that tell what is talked about


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _language(*lists: str) -> Language:
    return Language(*map(_listed, lists))


LANGUAGES = {
    "en": _language(
        """
        a an the this that these those there here it its is isnt are arent was wasnt were werent be been being
        am im ive ill id youre youve youll theyre weve hes shes thats whats wheres hows whos whens theres do
        does did done dont doesnt didnt have has had havent hasnt having can could cant cannot couldnt may might
        must shall should shouldnt will would wont wouldnt i me my mine we us our you your yours he she him his
        her they them their one some any to of in on at by for from with about into as and or but if so then
        than too also just only very really quite still what which who whom when where why how much many no not
        yes get got gets getting go going gonna goes want wanna wants wanted need needs needed like know tell
        say let please pls plz kindly again ever now today such though however actually maybe because while
        """,
        """
        hello hi hey hiya good morning afternoon evening day dear sir madam thanks thank bye goodbye help
        question questions sorry ok okay well great nice perfect regards cheers yesterday tomorrow last next ago
        week weeks month months year years already yet since until till two three
        """,
        """
        able above absolutely accept across act actual add after against ahead all allow almost alone along
        although always amount another answer anybody anymore anyone anything anyway anywhere apart apparently
        april around asap ask asked asking august away awful back bad basically became become before began begin
        behind believe below beside best better between beyond big bit both bring brought call called came case
        cause certain change changed changing check choose clear come comes coming common complete completely
        concern correct couple current currently days deal december decide difference different difficult
        directly down during each early easy eight either else end enough entire especially even every everybody
        everyone everything everytime everywhere exact exactly example except expect explain fact fair far fast
        february feel feels few final finally find fine finish first fit five follow form former forward found
        four friday front full further gave general give given gives giving gone half hand handle happen
        happened happens hard hear heard held helped high hold hope hoping hour hours hundred idea immediately
        important include inside instead interest issue issues item january july june keep keeps kept kind knew
        known large late lately later least leave less level likely line listen little long look looked looking
        looks lot lots low made main make makes making manage march matter mean means meant mind minute minutes
        moment monday more most move myself name near nearly necessary never new night nine nobody none normal
        normally nothing notice november number object october off offer often old once online onto open opinion
        order originally other others ought out over own part particular pass past perhaps period person piece
        place plan point possible prefer present probably problem problems properly provide put quick quickly
        quiet rather reach read ready real reason receive recently recommend regular regularly remember result
        right run said same saturday saw saying says second see seem seems seen sense sent september serious
        service set seven several short show shows side similar simple simply six small somebody somehow someone
        something sometimes somewhat somewhere soon sort sound speak special start started state stay stop
        stopped straight strange stuff suddenly suggest sunday suppose sure surprise take taken takes taking
        talk ten themselves therefore thing things think thinking third thought through thursday time times
        together told took top total totally touch toward towards tried trouble true try trying tuesday turn
        turned twenty twice type under understand unfortunately up upon use used useful using usual usually
        various version wait waiting way ways wednesday weekend went whether whole wish within without wonder
        wondering word words work worked working works worry worse worst wrong yourself
        """,
        """
        account action address adult afraid age agree air american among angry animal apple area arm arrive art
        asleep available baby bag ball bank bar base based bath beach beautiful bed bike bill bird birthday
        black blood blue board boat body book born bottle bottom bought box boy bread break breakfast bridge
        broke broken brother brown build building burn bus business busy buy buying calling calls calm camera
        car card care carry cars cat catch cats center central century chair chance cheap child children choice
        church city class clean clever climb clock close closed clothes cloud club coast coat coffee cold
        college color colour community companies company computer concert control cook cool copy corner cost
        count country course court cover cow crazy create cross cry cup cut dad dance danger dark date daughter
        dead death deep degree department depend design desk development die dinner dirty doctor dog dogs doing
        door double doubt draw dream dress drink drive driver drop dry ear earth east eat eating edge education
        egg eleven email empty energy english enjoy enter equal event expensive experience eye eyes face fall
        false family famous farm fat father favorite favourite fear feet fell felt field fight figure file fill
        film finger fire fish fix flat floor flower fly food foot football force foreign forest forget forgot
        free fresh friend friends fruit fun funny future game garden gas gentle girl glad glass god gold
        government gray green grew grey ground group grow guess guy guys hair hall hands hang happy hat hate
        head health heart heat heavy height herself hid higher hill himself history hit hole holiday home horse
        hospital hot hotel house human hungry hurry hurt husband ice imagine internet island itself job join
        joke jump keeping key kid kids kill king kitchen knee knife knock lady lake land language laugh law lay
        lead learn learned leaving left leg lesson letter library lie life light liked lion list live lived
        living local lock lost loud love loved luck lunch machine magazine mail major man manager map mark
        market marry match meal meat media medicine meet member members memory men middle mile milk million miss
        mistake mix modern money moon mother mountain mouth moved movie moving mum music national neck neighbor
        neighbour neither news newspaper noise north nose note ocean office oil opened opposite orange ours
        outside page pain paint pair paper parent parents park party pay paying peace pen pencil people personal
        pet phone photo pick picture pink plane plant plate play played player playing pocket points police
        policy political poor post pound power president press pretty price private prize process program
        promise proud prove public pull purple push quarter queen race radio rain raise ran reading record red
        remove repeat reply report research rest restaurant results return rice rich ride rights ring rise river
        road rock roof room rooms round rule running sad safe salt sand save school science sea search season
        seat secret security self sell selling send series serve services shape share sharp sheep ship shirt
        shoe shoot shop shoulder shout shut sick sign silver sing single sister sit site sitting situation size
        skin sky sleep slow smell smile snow soap social society soft sold soldier solve son song soup south
        space speech speed spell spend spoke sport spring square stage stairs stand star station stayed steal
        step stick stone stood store storm story street strong student students study stupid subject sudden
        sugar summer sun support sweet swim system table tail talked tall taste taxi tea teach teacher team
        telling term terrible test thick thin thirsty thirty thousand throw ticket tie tiny tired tonight tooth
        town toy trade train training travel tree trip truck trust truth twelve uncle university vegetable video
        view village visit visitor voice wake walk walked wall war warm wash waste watch water weak wear weather
        wedding weight welcome west wet wheel white whose wide wife wild win wind window wine winter woman women
        won wood worker world worth write writing written wrote yard yeah yellow young zero
        """,
    ),
    "de": _language(
        """
        ein eine einen einem einer eines der die das den dem des dies diese dieser dieses diesem diesen es ist
        sind war waren sein seine seinen bin bist ich mich mir mein meine meinen meinem meiner wir uns unser
        unsere unseren du dich dir dein deine deinen sie ihr ihre ihren ihrem ihnen er sich man haben habe hast
        hat hatte hätte hätten habt kann kannst können könnte könnten könnt mag möchte möchten müssen muss musst
        soll sollte sollen will wollen wollte werde werden wird würde würden wurde wurden zu zum zur von vom im
        am an auf für mit über bei beim aus nach als und oder aber wenn dann auch nur sehr noch schon mal denn
        eigentlich etwas gibt gibts heute da so um in ab vor welche welcher welches welchen wer wen wann wo wie
        was warum wieso weshalb viel viele kein keine keinen nicht ja nein doch bitte gern gerne hier jetzt weil
        dass ob damit also euch euer eure
        """,
        """
        hallo moin servus guten tag morgen abend danke dank vielen tschüss ciao wiedersehen hilfe frage fragen
        super ok okay gestern letzte letzten nächste nächsten woche wochen monat jahr jahre seit bis eins zwei
        drei entschuldigung grüße
        """,
        """
        acht ahnung aktuell alle allein aller allerdings alles allgemein alt alte alten andere anderen anderer
        anderes anders anfang april aufgabe aufgrund august außerdem bald beide beiden beispiel bekannt bekomme
        bekommen bekommt bereits besonders besser beste besten bestimmt bevor bisher bislang bisschen bleiben
        bleibt brauche brauchen braucht bringen bringt bräuchte dabei dadurch dafür dagegen daher dahin damals
        danach daneben daran darauf daraus darf darin darum darunter darüber davon davor dazu denken denkt
        deshalb deutlich dezember dienstag ding dinge direkt donnerstag dort draußen dringend durch durfte
        dürfen eben ebenfalls echt egal eher eigene eigenen einfach einige einmal ende endlich erklären erst
        erste ersten erzählen etwa euro fall falsch fast februar fertig fest finde finden findet frei freitag
        früh früher fühlen fünf gab ganz ganze ganzen gebe geben gegangen gegen gegenüber gehabt gehe gehen geht
        gekommen gemacht genau genommen genug gerade gesagt gesehen gewesen geworden gib gibst glaube glauben
        gleich groß große großen grund größe gut halb halt hand hatten heißen heißt helfen her hin hinten hinter
        hoch hoffe hoffen holen hundert hören hört idee ihm immer innen interesse irgendwann irgendwie januar
        jede jeden jeder jedes jedoch jemand juli juni kam kaum kennen kennt klar klein kleine kleinen komm
        komme kommen kommt komplett kriege kriegen kurz lang lange langsam lassen lauten lautet leicht leid
        leider liegen liegt los läuft mach mache machen macht mai manche manchmal mehr mehrere meinung meist
        meisten melden mensch minute minuten mitte mittwoch moment momentan montag märz möglich nachdem nacht
        nah name namen natürlich neben nehme nehmen neu neue neuen neuer neues neun nichts nie niemand nimmt
        nochmal normal november nun nämlich nötig oben obwohl offen oft ohne oktober ort paar passiert person
        platz plötzlich problem probleme punkt recht rein richtig richtung ruhig sache sachen sag sage sagen
        sagt samstag schade schauen scheint schicken schlecht schlimm schnell schreiben schwer schön sechs sehe
        sehen seite september setzen sicher sieben sieht sofort sogar solche sollten sonntag sonst sowie später
        stehen steht stelle stellen still stimmt stunde stunden suche suchen tage tagen tatsächlich teil teilen
        total trotzdem tue tun tut uhr unten unter unterschied verschieden verstehe verstehen versuchen
        vielleicht vier voll vorher vorne völlig wahr wahrscheinlich weg wegen weit weiter weiß wenig weniger
        wichtig wieder wirklich wissen wohin wohl worden wort wunder während wäre wären wörter wünschen zehn
        zeigen zeit ziemlich zudem zumindest zunächst zurück zusammen zwar zwischen überall überhaupt übrigens
        """,
        """
        alter angst anruf antwort apfel arbeit arbeiten arm art arzt auge augen auto bad bahn ball bank baum
        bein berg beruf bett bild billig blau blume boden breit brief brot bruder buch bus chef computer darfst
        dick doktor dorf dreißig dritte dumm dunkel durst dünn ecke ei einzige eltern eng englisch erde essen
        fahren fahrrad familie fand farbe fehler feier feld fenster ferien fernsehen feuer film finger firma
        fisch flasche fleisch fliegen flug flughafen fluss foto frau frauen freude freund freunde freundin froh
        fuß fußball fährt garten gast geburtstag gefunden gefühl geh gehört gelb geld gemüse geschenk geschichte
        geschwister geschäft gesicht gesund gewinnen ging glas glück glücklich gott gruppe grün haar haare hals
        handy hart haus hause heiß hell hemd herr herz himmel hof hose hotel hund hunger insel jahren job jung
        junge kaffee kalt karte katze kaufen kind kinder kino kirche klasse klug kochen koffer kopf kosten krank
        krankenhaus krieg kuchen kuh kunst käse könig körper küche lachen laden lampe land laufen laut leben
        lehrer leise lernen lesen leute licht lieb liebe lieben lieber lied linie links lust machst mama mann
        markt maschine maus meer menschen messer milch monate mond mund musik mutter männer müde nachts nase
        nass nett nimm nord nummer obst ohr oma onkel online opa ost papa papier park party pause personen pferd
        pflanze polizei post preis prüfung rad radio raus rechts reden regen reich reis reise reisen restaurant
        ring rot rund salz satz schaf schiff schlafen schlüssel schnee schneiden schreib schuh schuhe schule
        schwarz schwester schöne schüler see seele seiten singen sitzen sohn sollst sommer sonne spaß spiel
        spiele spielen sport sprache sprechen spricht spät stadt stark statt stein sterben stimme straße student
        stuhl stück such süd süß tal tante tanzen tasche tasse tausend tee telefon teller teuer theater thema
        tier tiere tisch tochter tod toll tor tot tragen traum treffen treppe trinken tür urlaub vater vergessen
        verkaufen verloren verrückt vorsicht wagen wahl wahrheit wald wand ward warm warten waschen wasser wein
        welt weltweit wert wetter wiese willst wind winter witz wohnen wohnung wolke zahl zahlen zahn zeig
        zeitung ziehen ziel zimmer zucker zug zwanzig zwölf
        """,
    ),
}

# What a question begins with.
QUESTIONS = _listed(
    """
    who whos what whats when whens where wheres why how hows which howmuch howlong howmany howfar howold
    wer wen was wann wo woher wohin wie warum wieso weshalb welche welcher welches wieviel wieviele wielange
    """
)

# What words of their own begin with: "erzähl" is not "er zahl".
PREFIXES = _listed(
    """
    er be ge un re in im an am ab um zu da as at on so or us es do he we ein vor aus auf mit bei mal man den der des
    out over under nach uber
    """
)

# What German verbs are taken apart from: umziehen, ich ziehe um.
PARTICLES = _listed("ab an auf aus ein mit nach um vor weg zu zuruck")

# What people type for short, and what it stands for.
SHORT = {
    "thx": "thanks",
    "tnx": "thanks",
    "ty": "thanks",
    "u": "you",
    "ur": "your",
    "r": "are",
    "wat": "what",
    "wut": "what",
    "abt": "about",
    "bc": "because",
    "cuz": "because",
    "gonna": "going",
    "info": "information",
    "infos": "information",
    "tel": "telephone",
    "nr": "number",
    "asap": "soon",
    "vllt": "vielleicht",
    "nix": "nichts",
    "hab": "habe",
    "ne": "eine",
    "nen": "einen",
    "apt": "appointment",
    "appt": "appointment",
    "msg": "message",
    "pw": "password",
    "pwd": "password",
    "acct": "account",
    "qty": "quantity",
}

# Words that mean the same to whomever one writes to, spellings of one word among them; the first stands for all.
SAME = [
    line.split()
    for line in """
        phone telephone mobile cellphone smartphone handy telefon
        wifi wlan wireless
        tv television telly fernseher fernsehen
        mail email mails emails
        package parcel paket
        human humans
        someone somebody anyone anybody
        jemand jemandem jemanden
        buy purchase
        cheap inexpensive
        expensive pricey
        talk speak chat
        sprechen reden
        shop store
        movie film
        picture photo image pic
        start begin
        end finish
        fix repair mend
        job position
        flat apartment
        trip journey
        vacation holiday
        near nearby
        big large
        bigger larger
        quick fast
        quicker faster
        shut close
        price prices cost costs
        preis preise kosten kostet
        login signin logon
        register signup
        website site webpage
        abroad overseas
        cancel terminate
        replace swap exchange
        receive received
        broken broke breaks
        defekt kaputt
        answer reply
        kid child kids
        mum mom
        town city
        billig billiger
        steal stole stolen
        fiber fibre
        color colour
        center centre
        check cheque
        program programme
        license licence
        installment instalment installments instalments
        tire tyre
        gray grey
        favorite favourite
        neighbor neighbour
        catalog catalogue
        jewelry jewellery
        canceled cancelled
        traveling travelling
    """.strip().splitlines()
]

# Forms that endings don't tell, by what they are forms of.
IRREGULAR = {
    form: line.split()[0]
    for line in """
        go went gone
        buy bought
        pay paid
        send sent
        lose lost
        steal stole stolen
        break broke broken
        forget forgot forgotten
        come came
        take took taken
        write wrote written
        speak spoke spoken
        choose chose chosen
        sell sold
        keep kept
        make made
        find found
        hear heard
        hold held
        meet met
        leave left
        bring brought
        catch caught
        teach taught
        think thought
        build built
        spend spent
        lend lent
        feel felt
        sleep slept
        mean meant
        read reads
        drive drove driven
        ride rode ridden
        give gave given
        fall fell fallen
        grow grew grown
        know knew known
        throw threw thrown
        fly flew flown
        draw drew drawn
        wear wore worn
        tear tore torn
        begin began begun
        swim swam swum
        sing sang sung
        ring rang rung
        drink drank drunk
        eat ate eaten
        freeze froze frozen
        wake woke woken
        win won
        shake shook shaken
        hide hid hidden
        slow slowly slower
        high higher highest
        low lower lowest
        cheap cheaper cheapest
        woman women
        man men
        child children
        foot feet
        tooth teeth
        ziehen zieht ziehe zog gezogen
        gehen gegangen ging
        finden gefunden fand
        schreiben geschrieben schrieb
        verlieren verloren verlor
        vergessen vergaß vergisst
        sprechen spricht sprach gesprochen
        brechen bricht brach gebrochen
        nehmen nimmt nahm genommen
        geben gab gegeben
        fahren fährt fuhr gefahren
        lesen liest las gelesen
        laufen läuft lief gelaufen
        bleiben blieb geblieben
        schließen schließt schloss geschlossen
        bieten bot geboten
        heißen hieß geheißen
        kommen kam gekommen
        denken dachte gedacht
        bringen brachte gebracht
        kennen kannte gekannt
        rufen rief gerufen
        fallen fiel gefallen
        treffen trifft traf getroffen
        helfen hilft half geholfen
        sterben stirbt starb gestorben
        essen isst aß gegessen
        trinken trank getrunken
        schlafen schläft schlief geschlafen
        tragen trägt trug getragen
        fangen fängt fing gefangen
        lassen lässt ließ gelassen
        steigen stieg gestiegen
        streiten stritt gestritten
        leihen lieh geliehen
        senden gesendet gesandt
        stehlen stiehlt stahl gestohlen
        hoch hohe hoher hohen höher
        teuer teure teurer teuren
    """.strip().splitlines()
    for form in line.split()[1:]
}

# Words that mean something only together.
TOGETHER = {
    ("how", "much"): "howmuch",
    ("how", "long"): "howlong",
    ("how", "many"): "howmany",
    ("how", "far"): "howfar",
    ("how", "old"): "howold",
    ("wie", "viel"): "wieviel",
    ("wie", "viele"): "wieviele",
    ("wie", "lange"): "wielange",
    ("wie", "lang"): "wielange",
    ("log", "in"): "login",
    ("sign", "in"): "login",
    ("log", "on"): "login",
    ("sign", "up"): "register",
    ("send", "back"): "return",
    ("sent", "back"): "return",
    ("give", "back"): "return",
    ("bring", "back"): "return",
    ("money", "back"): "refund",
    ("wi", "fi"): "wifi",
    ("e", "mail"): "email",
    ("voice", "mail"): "voicemail",
    ("thank", "you"): "thanks",
}
