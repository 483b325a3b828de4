"""What people say, and what documents call it. Data only, beside that of `responders.related_words`.

Each line is a group of which any may stand for any; only words of a line, without their forms. Written by subject, as
help pages of shops, services, authorities and houses have them; a word that only one company uses has no place here.
"""

from __future__ import annotations

MEANINGS = {
    "english": """
        additional extra further more added surcharge supplement
        fee charge surcharge cost price tariff rate
        expensive cost price
        cheap cheaper discount reduced less save
        value worth
        paid payable pay
        installment instalment
        bill invoice receipt
        vat tax duty customs
        refund reimbursement money back repay credited
        payment card bank transfer
        declined rejected refused failed blocked
        voucher code coupon promo discount
        gift present birthday voucher
        courier driver carrier postman messenger delivery
        package parcel box carton packaging
        pack wrap packaging
        store keep kept storage stored hold held
        deliver bring ship send arrive delivery
        arrive come reach get
        quick quickly fast express urgent tomorrow next
        late delay delayed overdue
        home house door
        neighbour neighbor
        wrong incorrect mistake error faulty
        broken damaged defective faulty smashed cracked torn damage
        hole tear rip torn puncture
        exchange swap replace different other
        size fit small large big wide broad narrow tight
        color colour fade fading shade
        faded fade fading bleach
        smell stink odour odor
        dirty dirt clean stain
        clean wash washing laundry
        dry drying wet damp moisture
        wet damp moist soaked water rain
        leak leaking drip water
        waterproof proof proofing rainproof impregnate
        mold mould fungus
        warm heat hot temperature
        cold cool freeze minus winter frost
        snow winter ice
        glacier ice alpine
        ice frozen
        heavy weight bulky
        weigh weight heavy kilograms
        light lightweight
        large big bulky oversized
        rent hire borrow lend rental loan
        borrow lend lent
        deposit security guarantee
        cancel withdraw annul call off
        book reserve reservation booking appointment
        collect pick pickup fetch
        return back bring
        repair mend fix service workshop
        spare replacement part
        zip zipper fastener
        sole resole
        trousers pants clothes clothing garment
        jacket coat
        shoe shoes boot boots
        backpack rucksack bag pack
        feather feathers down
        sew stitch seam
        glue stick tape
        bike bicycle cycle
        car vehicle automobile auto
        park parking garage space
        charge charger charging
        train tram bus
        airplane aeroplane plane airline flight fly
        luggage baggage suitcase
        dog puppy pet animal animals
        cat pet animal animals
        baby infant toddler child
        child kid children kids son daughter boy girl teenager
        parent mother father mum dad
        husband wife partner spouse family
        family household relatives
        old age years
        age years minimum young
        adult grown
        disabled disability wheelchair lift stairs accessible
        lift elevator stairs
        shop store branch location
        open opening hours close closed
        sunday holiday weekend
        evening night late
        busy crowded full rush
        address street location where
        phone telephone call number reach
        ring call phone
        mail email
        chat message write
        answer reply respond response
        complain complaint unhappy dissatisfied
        manager head boss supervisor
        review rating rate stars opinion feedback
        real genuine authentic true
        fake false
        account profile user
        password passcode pin
        login sign signing access
        locked blocked suspended
        log sign
        delete erase close remove
        register join account enrol
        unregistered guest
        data information privacy personal details
        security secure safe safer protection
        newsletter advertising marketing emails promotion
        unsubscribe stop opt
        app application
        membership member club subscription join
        advantage advantages benefit benefits perk perks
        leave cancel end quit terminate
        renew extend prolong automatically
        expire expiry valid validity last
        points bonus loyalty rewards
        guarantee warranty promise
        cover covered include included
        exclude excluded exception exceptions
        stolen theft steal lost loss
        lost lose missing loss
        accident crash injury
        report notify tell claim
        proof receipt evidence
        battery batteries cell
        recycle recycling dispose waste trash garbage rubbish throw
        used second hand old preowned
        environment green sustainable sustainability climate ecological
        ethical certified responsible fair
        packaging cardboard plastic
        job jobs vacancy work career hiring recruit apply
        trainee apprentice apprenticeship intern internship
        salary pay wage
        remote home office
        employee staff
        school class pupils
        company business firm corporate
        logo print printing embroider
        bulk quantity many
        discount rebate percent per cent
        course class training lesson teach learn workshop
        learn teach course lesson
        fuel gas petrol
        cartridge canister bottle cylinder
        stove cooker burner
        cook cooking meal
        hike hiking walk walking trek
        walk distance kilometres miles far
        beach sand coast
        pitch camp camping tent
        beginner novice first
        swap trade exchange
        outgrown growing grow small
        recall warning safety
        dangerous danger risk safe
        sick ill illness doctor medical
        medicine drug medication
        prescription recipe
        room accommodation bed
        breakfast meal
        guest visitor
        trial test try
        contract agreement
        electricity power energy
        outage failure interruption
        meter reading
        plug socket cable
        internet wifi network
        slow speed
        download install
        update upgrade version
        delete remove uninstall
        picture photo image
        signature sign signed
        form document paper
        passport identity id
        driver driving licence license
    """,
    "german": """
        gebühr kosten preis entgelt zuschlag
        teuer teurer kosten preis
        billig billiger günstig günstiger ermäßigt rabatt
        zusätzlich extra weitere zuschlag
        bezahlen zahlen begleichen
        geld betrag summe guthaben zahlung
        zurück rückzahlung erstattung erstatten überweisen
        rate raten teilzahlung teile ratenzahlung
        überweisen überweisung
        kontonummer iban bankverbindung konto bankkonto
        rechnung abrechnung mahnung
        mahnung erinnerung
        vertrag abo tarif
        kündigen kündigung beenden frist
        laufzeit dauer frist
        steigen steigt erhöhung preiserhöhung
        weniger senken niedriger verringern
        umziehen umzug ziehen wohnung
        wohnung haus anschrift
        daheim zuhause hause
        mieter vermieter wohnung
        nachbar nachbarn nachbarin
        ablesen ablesung zählerstand
        uhr zähler messgerät
        misst messen gemessen
        tauschen wechseln austauschen getauscht
        einbau einbauen montage
        monteur techniker handwerker
        ausweis ausweisen
        strom elektrizität licht
        ausfall störung defekt kaputt
        funktioniert geht defekt kaputt störung
        klemmt steckt fest hängt
        wasser leitungswasser trinkwasser hahn
        braun bräunlich rost schmutzig trüb
        geplatzt rohrbruch leck
        rohr leitung
        testen untersuchen prüfen analyse probe
        garten gießen bewässern
        abwasser abwassergebühr
        auto elektroauto fahrzeug wagen
        laden ladesäule ladestation wallbox
        ladestation ladesäule wallbox
        rad fahrrad räder
        hund hunde haustier tier
        kind kinder tochter sohn
        baby kleinkind kinderwagen
        frau frauen damen
        mann männer herren
        familie kinder erwachsene
        schwimmbad hallenbad freibad bad
        schwimmen kurs schwimmkurs
        lernen kurs unterricht
        feiern geburtstag feier
        öffnen öffnet öffnungszeiten geöffnet aufmachen
        schließen geschlossen
        abend abends feierabend
        nacht nachts nachtbus
        wochenende samstag sonntag
        verloren vergessen verlorenes fundsachen fundbüro liegen
        badehose badekleidung
        handtuch tuch
        eintritt eintrittspreis karte
        karte ticket fahrkarte fahrschein
        fahrt einzelfahrt
        tag tagesticket ganztägig
        schwarzfahren fahrschein ohne kontrolle
        kontrolliert kontrolle kontrolleur erwischt
        strafe bußgeld
        verspätung verspätet spät
        bus busse linie
        bahnhof haltestelle
        büro kundenzentrum geschäftsstelle filiale
        adresse anschrift straße
        anrufen rufen telefon nummer telefonisch
        sprechen reden gespräch
        jemand person
        vertreten vollmacht bevollmächtigt
        beschweren beschwerde reklamation
        hilfe hilft helfen
        termin terminbuchung
        wartezeit warten
        paket sendung lieferung
        liefern lieferung versand
        zurückschicken rückgabe retoure zurücksenden
        kaputt beschädigt defekt
        garantie gewährleistung
        passwort kennwort
        anmelden registrieren einloggen
        löschen entfernen
        daten datenschutz
        arbeit job stelle bewerbung
        ausbildung lehre azubi auszubildende
        lohn gehalt
        schule schüler klasse
        krank krankheit arzt
        rezept verschreibung
        müll abfall entsorgen
        antrag formular beantragen
        reisepass pass personalausweis
        unterschrift unterschrieben
        behindert schwerbehindert rollstuhl barrierefrei
        aufzug lift treppe
        umwelt öko ökologisch nachhaltig
        ökostrom wasserkraft windkraft solar ökotarif
        wärmepumpe heizung
        höhe hoch
        lang dauer dauert
    """,
}

GROUPS = {language: [line.split() for line in lines.strip().splitlines()] for language, lines in MEANINGS.items()}
