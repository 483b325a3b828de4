"""Words that people use for one another when they write to a company, though they don't mean quite the same. Data only.

Each line is a group; a word may be in several. Where a script has none of a sentence's word, but others of its group,
those are understood with less certainty (`spelling.py`). Of places, ways to pay and things that are sold, one stands
for another: a script that names Germany is asked about Spain.
"""

from __future__ import annotations

RELATED = {
    "en": """
        bill invoice receipt statement
        bill charge fee
        charge cost price fee rate rates
        fee deposit surcharge
        pay settle transfer
        payment transfer transaction
        money cash funds amount sum
        salary wage wages income pay
        refund reimburse reimbursement compensation
        discount voucher coupon rebate promo promotion reduction sale
        cheap affordable cheaper reduced
        expensive dear costly overpriced
        tax vat duty
        quote offer estimate proposal quotation
        deal bargain offer
        invest investment savings interest
        loan credit mortgage
        debt owe owed
        afford budget
        increase raise rise higher
        decrease reduce lower cut less
        limit maximum cap
        minimum least
        account profile
        password passcode passphrase credentials
        password pin code
        username login userid
        login access enter
        register join enrol enroll apply subscribe
        unsubscribe deregister cancel
        delete erase remove
        blocked locked suspended disabled frozen deactivated
        block lock freeze suspend disable deactivate
        unblock unlock reactivate
        activate enable unlock
        reset restore recover
        change update edit modify amend alter adjust correct
        change switch swap
        upgrade bigger better more
        downgrade smaller less
        cancel quit stop end leave terminate drop
        cancellation termination
        cancel withdraw revoke
        renew extend prolong
        contract agreement subscription
        contract plan tariff subscription package
        membership subscription
        provider supplier carrier company operator
        customer client
        order purchase
        ordered bought purchased
        sell stock carry
        available stock
        delivery shipping shipment dispatch postage
        deliver ship send dispatch
        deliver bring
        courier driver postman delivery
        arrive come delivered
        parcel package shipment box
        track trace tracking locate follow
        late delayed overdue delay
        missing lost vanished disappeared
        return refund
        exchange replace replacement swap
        return exchange
        damaged broken defective faulty cracked torn scratched shattered
        broken defective faulty dead
        fault defect failure malfunction
        crash crashes freezes hangs
        warranty guarantee
        item product article goods thing
        size fit small large
        colour shade
        wrong incorrect mistaken false
        mistake error
        error problem issue trouble fault
        problem difficulty
        repair fix service
        technician engineer mechanic electrician plumber
        install installation setup
        setup configure install connect
        connect link pair join
        connection link line
        internet web online broadband
        internet connection network
        network reception signal
        outage disruption failure interruption
        router modem hub
        slow sluggish lagging laggy
        speed bandwidth
        phone handset iphone android
        laptop computer tablet device pc notebook ipad macbook printer
        device machine appliance
        television channel
        channel station program
        film movie show series
        call phone ring dial
        call telephone calling
        message text sms
        message voicemail
        mailbox voicemail
        greeting announcement
        write mail message
        contact reach
        contact call write
        talk speak communicate converse
        person human agent operator representative employee staff advisor adviser consultant colleague
        person someone people
        human real live
        agent clerk assistant salesperson
        staff team employees
        manager boss supervisor
        service support help assistance
        helpdesk support hotline
        hotline helpline phone
        bot robot machine computer ai chatbot
        complain complaint
        complaint feedback grievance
        unhappy dissatisfied disappointed angry annoyed upset
        happy satisfied pleased glad
        rude unfriendly impolite
        appointment booking reservation slot visit meeting
        book reserve schedule arrange
        book make
        visit come
        reschedule postpone move delay rearrange
        bring forward earlier
        free available vacant open
        doctor dentist physician
        examination checkup check
        consultation advice
        haircut hairdresser barber
        open opening opened
        hours times
        opening business working
        close shut closing closed
        holiday vacation bank
        address location
        address street postcode
        location place branch office shop store
        directions route way
        located situated find
        parking park
        move moving relocate relocation
        house home flat apartment place
        home house
        name surname
        married marriage wedding divorced
        birthday birth
        country countries abroad foreign international overseas
        abroad travel trip holiday
        travel fly journey
        roaming abroad
        data gigabytes gigabyte megabytes gb mb volume allowance
        minutes calls
        left remaining remain
        used usage consumption
        usage use
        number telephone
        port porting transfer
        keep retain
        sim chip
        stolen robbed theft thief
        lost misplaced lose
        find locate
        forget remember
        forgot lost
        document form file paper pdf
        copy duplicate
        download save print
        paper post letter
        proof certificate confirmation
        confirm confirmation confirmed
        receive get
        notice period deadline
        reminder dunning warning
        instalments instalment parts rates
        direct debit
        bank account
        bank iban
        card visa mastercard amex debit credit paypal klarna
        demo demonstration presentation
        trial test
        try test
        trial free
        interested interest curious
        product software tool app solution system
        features functions function feature
        information details
        details data
        info details information brochure
        explain understand
        understand comprehend
        reason why
        electricity power energy
        power current
        gas heating
        water pipe leak
        meter reading
        hello greetings
        bye farewell ciao
        thanks grateful appreciate
        great awesome brilliant wonderful excellent perfect super
        helpful useful
        food meal dish
        restaurant cafe diner
        menu dishes
        table seat
        hotel room accommodation
        ticket tickets
        flight plane
        car vehicle
        train bus tram
        luggage baggage suitcase bag
        insurance policy coverage
        claim damage
        job position vacancy career
        apply application
        hire employ recruit
        course class lesson training
        teacher instructor tutor
        student pupil learner
        picture photo image
        picture screen
        sound audio volume
        privacy gdpr data
        safe secure security
        fraud scam fraudulent unauthorised unauthorized suspicious
    """,
    "de": """
        rechnung abrechnung jahresabrechnung jahresrechnung rechnungskopie
        rechnung beleg quittung
        kosten gebühr gebühren preis preise entgelt
        kosten betragen
        zahlen bezahlen begleichen
        zahlung bezahlung überweisung
        überweisen bezahlen
        geld betrag summe
        guthaben gutschrift
        guthaben rückzahlung erstattung
        erstatten zurückzahlen
        nachzahlen nachzahlung nachforderung
        abschlag abschlagszahlung teilbetrag rate monatsrate
        monatlich monat
        rabatt gutschein ermäßigung nachlass aktion
        günstig billig preiswert
        günstiger billiger
        teuer hoch
        erhöhen steigern raufsetzen anheben hochsetzen
        senken verringern reduzieren herabsetzen runtersetzen kürzen
        weniger niedriger geringer
        angebot kostenvoranschlag offerte
        vertrag vereinbarung abo abonnement
        tarif vertrag
        tarif preis
        kündigen beenden aufhören stornieren
        kündigung vertragsende
        kündigen austreten
        kündigungsfrist frist laufzeit
        verlängern fortsetzen
        wechseln ändern umstellen tauschen
        wechsel änderung umstellung
        ändern anpassen aktualisieren korrigieren berichtigen
        anbieter versorger lieferant
        anmelden registrieren eintragen
        abmelden abmeldung
        anmeldung registrierung
        mitteilen melden durchgeben angeben übermitteln
        melden berichten
        ablesen ablesung
        zähler stromzähler gaszähler wasserzähler
        zählerstand stand
        verbrauch verbraucht
        strom elektrizität energie
        strom licht
        ökostrom naturstrom grünstrom
        öko bio grün
        gas erdgas
        wasser leitungswasser trinkwasser
        heizung fernwärme wärme
        rohr leitung
        rohrbruch leck wasserschaden
        ausgefallen weg ausfall
        stromausfall störung ausfall
        störung problem fehler panne
        kaputt beschädigt defekt
        lampe laterne leuchte straßenlampe straßenlaterne
        riecht stinkt
        umzug umziehen
        einzug einziehen
        auszug ausziehen
        einziehen umziehen
        wohnung haus zuhause
        mieter nachmieter vormieter
        adresse anschrift
        straße hausnummer
        name nachname familienname
        heirat hochzeit geheiratet
        konto bankkonto bankverbindung kontonummer iban
        bank sparkasse volksbank
        lastschrift bankeinzug einzugsermächtigung abbuchung sepa
        abbuchen einziehen
        mandat einzugsermächtigung vollmacht
        geöffnet offen öffnungszeiten
        öffnen aufmachen
        schließen zumachen
        büro kundencenter kundenzentrum filiale geschäftsstelle
        finde befindet
        termin verabredung terminvereinbarung
        vorbeikommen besuchen
        mitarbeiter berater ansprechpartner sachbearbeiter kollege
        mensch person
        mensch mitarbeiter
        sprechen reden unterhalten telefonieren
        anrufen rückruf telefonieren zurückrufen
        erreichen kontaktieren
        kontakt kontaktieren
        schreiben mailen
        nummer telefonnummer rufnummer
        telefonnummer hotline
        kundenservice kundendienst kundenbetreuung support
        beschweren beschwerde reklamieren reklamation
        unzufrieden verärgert sauer enttäuscht
        zufrieden glücklich
        hilfe unterstützung
        helfen unterstützen
        schicken senden zusenden
        bekommen erhalten kriegen
        kopie duplikat
        formular antrag dokument unterlagen
        brief post
        bestellen kaufen
        bestellung auftrag
        lieferung versand zustellung
        liefern zustellen
        paket sendung päckchen
        zurückgeben zurückschicken rückgabe retoure
        umtauschen austauschen tauschen
        größe nummer
        passwort kennwort zugangsdaten
        konto kundenkonto
        internet netz
        langsam lahm
        vorführung demo präsentation
        interesse interessiert
        produkt artikel ware
        testen ausprobieren probieren
        probe test testversion
        information informationen auskunft
        erklären erläutern
        verstehen nachvollziehen
        danke dankeschön
        tschüss wiedersehen
        urlaub reise
        ausland auslands international
        auto wagen fahrzeug
        arzt doktor
    """,
}

# Names of one kind: any stands for any.
ALIKE = {
    "en": """
        abroad country overseas foreign england scotland wales ireland britain uk germany france spain italy portugal
        austria switzerland netherlands holland belgium denmark sweden norway finland poland greece turkey hungary
        romania bulgaria croatia serbia slovenia slovakia czechia ukraine russia usa america canada mexico brazil
        argentina chile peru colombia china japan korea india pakistan thailand vietnam indonesia malaysia singapore
        philippines australia zealand egypt morocco tunisia algeria nigeria kenya africa europe asia israel dubai iran
        iraq cyprus malta iceland luxembourg cuba

        london manchester birmingham leeds liverpool bristol glasgow edinburgh york oxford cambridge bath brighton
        cardiff dublin belfast paris berlin munich hamburg vienna zurich rome milan madrid barcelona lisbon amsterdam
        brussels copenhagen stockholm oslo helsinki warsaw prague budapest athens istanbul chicago boston seattle miami

        monday tuesday wednesday thursday friday saturday sunday

        item product article goods dress shirt shoe shoes trousers jeans jacket coat skirt sweater lamp chair sofa
        mug cup vase blender necklace toy
    """,
    "de": """
        ausland deutschland österreich schweiz frankreich spanien italien portugal niederlande holland belgien dänemark
        schweden norwegen finnland polen griechenland türkei ungarn rumänien kroatien tschechien england irland usa
        amerika kanada china japan indien australien ägypten europa

        berlin hamburg münchen köln frankfurt stuttgart düsseldorf leipzig dresden hannover nürnberg bremen wien zürich

        montag dienstag mittwoch donnerstag freitag samstag sonntag
    """,
}

GROUPS = {
    language: [
        *(line.split() for line in RELATED[language].strip().splitlines()),
        *(kind.split() for kind in ALIKE[language].split("\n\n")),
    ]
    for language in RELATED
}
