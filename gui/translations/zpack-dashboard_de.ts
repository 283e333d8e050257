<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
<context>
    <name>QFileDialog</name>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Shows what zpack does, and tunes it.</source>
        <translation>Zeigt, was zpack tut, und stellt es ein.</translation>
    </message>
    <message>
        <source>Connect to the zpackd at this Unix socket only; may be given several times.</source>
        <translation>Nur mit dem zpackd an diesem Unix-Socket verbinden; auch mehrmals.</translation>
    </message>
    <message>
        <source>Connect to the zpackd of this machine, NAME or NAME:PORT; may be given several times. Needs --ca, --cert and --key.</source>
        <translation>Mit dem zpackd dieses Rechners verbinden, NAME oder NAME:PORT; auch mehrmals. Braucht --ca, --cert und --key.</translation>
    </message>
    <message>
        <source>Of --host: who signed its certificate.</source>
        <translation>Zu --host: wer sein Zertifikat unterschrieben hat.</translation>
    </message>
    <message>
        <source>Of --host: your certificate.</source>
        <translation>Zu --host: Ihr Zertifikat.</translation>
    </message>
    <message>
        <source>Of --host: your key.</source>
        <translation>Zu --host: Ihr Schlüssel.</translation>
    </message>
    <message>
        <source>Show this view first: overview, pool, disk, cgroups, tuning or events.</source>
        <translation>Diese Ansicht zuerst zeigen: overview, pool, disk, cgroups, tuning oder events.</translation>
    </message>
    <message>
        <source>this machine</source>
        <translation>dieser Rechner</translation>
    </message>
</context>
<context>
    <name>zpack::gui::Bars</name>
    <message>
        <source>nothing there</source>
        <translation>nichts da</translation>
    </message>
    <message>
        <source>up to %1: %2 %3</source>
        <translation>bis %1: %2 %3</translation>
    </message>
    <message>
        <source>above %1: %2 %3</source>
        <translation>über %1: %2 %3</translation>
    </message>
    <message>
        <source>%1 %2 in all</source>
        <translation>%1 %2 insgesamt</translation>
    </message>
</context>
<context>
    <name>zpack::gui::CgroupsPage</name>
    <message>
        <source>Cgroup</source>
        <translation>Cgroup</translation>
    </message>
    <message>
        <source>its path; the inode number of one that has gone</source>
        <translation>ihr Pfad; die Inode-Nummer, wenn es sie nicht mehr gibt</translation>
    </message>
    <message>
        <source>In RAM</source>
        <translation>Im RAM</translation>
    </message>
    <message>
        <source>pages in the pool, before compression</source>
        <translation>Seiten im Pool, vor der Kompression</translation>
    </message>
    <message>
        <source>RAM, compressed</source>
        <translation>RAM, komprimiert</translation>
    </message>
    <message>
        <source>bytes of their objects</source>
        <translation>Bytes ihrer Objekte</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>Auf der Platte</translation>
    </message>
    <message>
        <source>pages on the backing device in blocks of its own, before compression</source>
        <translation>Seiten auf dem Datenträger in eigenen Blöcken, vor der Kompression</translation>
    </message>
    <message>
        <source>Disk, compressed</source>
        <translation>Platte, komprimiert</translation>
    </message>
    <message>
        <source>Refaults</source>
        <translation>Refaults</translation>
    </message>
    <message>
        <source>reads that found their page on the backing device</source>
        <translation>Lesezugriffe, deren Seite auf dem Datenträger lag</translation>
    </message>
    <message>
        <source>Written back</source>
        <translation>Ausgelagert</translation>
    </message>
    <message>
        <source>pages that left the pool for the backing device</source>
        <translation>Seiten, die vom Pool auf den Datenträger gegangen sind</translation>
    </message>
    <message>
        <source>Policy</source>
        <translation>Regeln</translation>
    </message>
    <message>
        <source>what writeback may do; empty: everything</source>
        <translation>was ausgelagert werden darf; leer: alles</translation>
    </message>
    <message>
        <source>Cgroups</source>
        <translation>Cgroups</translation>
    </message>
    <message>
        <source>No cgroup has pages here. A simulation has no cgroups, nor has a kernel without the memory controller.</source>
        <translation>Keine Cgroup hat Seiten hier. Eine Simulation hat keine Cgroups, ein Kernel ohne Memory-Controller auch nicht.</translation>
    </message>
    <message>
        <source>stays in RAM</source>
        <translation>bleibt im RAM</translation>
    </message>
    <message>
        <source>written at the age of %1 ms</source>
        <translation>wird im Alter von %1 ms geschrieben</translation>
    </message>
    <message>
        <source>stays for %1 ms</source>
        <translation>bleibt %1 ms lang</translation>
    </message>
    <message>
        <source>%1 % of the pool</source>
        <translation>%1 % des Pools</translation>
    </message>
    <message>
        <source>gone: %1</source>
        <translation>nicht mehr da: %1</translation>
    </message>
    <message>
        <source>none, or several</source>
        <translation>keine oder mehrere</translation>
    </message>
</context>
<context>
    <name>zpack::gui::Chart</name>
    <message>
        <source>no data yet</source>
        <translation>noch keine Daten</translation>
    </message>
    <message>
        <source>nothing to show: not known on this host, or nothing happened</source>
        <translation>nichts zu zeigen: auf diesem Rechner unbekannt, oder es ist nichts geschehen</translation>
    </message>
    <message>
        <source>%1 ago</source>
        <translation>vor %1</translation>
    </message>
    <message>
        <source>now</source>
        <translation>jetzt</translation>
    </message>
    <message>
        <source>Point at a moment to read its values in all charts; with the keyboard: the left and right keys.</source>
        <translation>Zeigen Sie auf einen Zeitpunkt, um seine Werte in allen Diagrammen zu lesen; mit der Tastatur: Pfeiltasten links und rechts.</translation>
    </message>
</context>
<context>
    <name>zpack::gui::ConnectDialogue</name>
    <message>
        <source>&amp;This machine</source>
        <translation>&amp;Dieser Rechner</translation>
    </message>
    <message>
        <source>An&amp;other machine</source>
        <translation>Ein &amp;anderer Rechner</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>Verbinden</translation>
    </message>
    <message>
        <source>as zpackctl does: /run/zpackd/admin.sock or read.sock</source>
        <translation>wie zpackctl: /run/zpackd/admin.sock oder read.sock</translation>
    </message>
    <message>
        <source>name, or name:9765</source>
        <translation>Name oder Name:9765</translation>
    </message>
    <message>
        <source>Choose: %1</source>
        <translation>Auswählen: %1</translation>
    </message>
    <message>
        <source>PEM files (*.pem *.crt *.key);;All files (*)</source>
        <translation>PEM-Dateien (*.pem *.crt *.key);;Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Rechner</translation>
    </message>
    <message>
        <source>&amp;Connect</source>
        <translation>&amp;Verbinden</translation>
    </message>
    <message>
        <source>this machine</source>
        <translation>dieser Rechner</translation>
    </message>
    <message>
        <source>Choose a file</source>
        <translation>Datei wählen</translation>
    </message>
    <message>
        <source>&amp;Socket</source>
        <translation>&amp;Socket</translation>
    </message>
    <message>
        <source>&amp;Host</source>
        <translation>&amp;Rechner</translation>
    </message>
    <message>
        <source>&amp;Authority of the server</source>
        <translation>&amp;Aussteller des Servers</translation>
    </message>
    <message>
        <source>Your c&amp;ertificate</source>
        <translation>Ihr &amp;Zertifikat</translation>
    </message>
    <message>
        <source>Your &amp;key</source>
        <translation>Ihr Sch&amp;lüssel</translation>
    </message>
    <message>
        <source>As its certificate names it; the port is 9765 unless another is given</source>
        <translation>Wie sein Zertifikat ihn nennt; der Port ist 9765, wenn kein anderer angegeben ist</translation>
    </message>
    <message>
        <source>PEM file: who signed the host&apos;s certificate</source>
        <translation>PEM-Datei: wer das Zertifikat des Rechners unterschrieben hat</translation>
    </message>
    <message>
        <source>PEM file: who you are; its role says whether you may change settings</source>
        <translation>PEM-Datei: wer Sie sind; die Rolle darin sagt, ob Sie Einstellungen ändern dürfen</translation>
    </message>
    <message>
        <source>PEM file: the key of your certificate, which stays on this machine</source>
        <translation>PEM-Datei: der Schlüssel Ihres Zertifikats; er bleibt auf diesem Rechner</translation>
    </message>
</context>
<context>
    <name>zpack::gui::DiskMap</name>
    <message>
        <source>Map of the backing device</source>
        <translation>Karte des Datenträgers</translation>
    </message>
    <message>
        <source>%1 cells of %2</source>
        <translation>%1 Zellen zu %2</translation>
    </message>
    <message>
        <source>%1 from %2 on</source>
        <translation>%1 ab %2</translation>
    </message>
    <message>
        <source>age %1</source>
        <translation>Alter %1</translation>
    </message>
    <message>
        <source>blocks of %1 pages</source>
        <translation>Blöcke zu %1 Seiten</translation>
    </message>
    <message>
        <source>%1 % live</source>
        <translation>%1 % lebendig</translation>
    </message>
    <message>
        <source>
mostly of %1</source>
        <translation>
meist von %1</translation>
    </message>
    <message>
        <source>
blocks with something live: %1, free: %2</source>
        <translation>
Blöcke mit Lebendigem: %1, frei: %2</translation>
    </message>
    <message>
        <source>
being written or cleaned: %1</source>
        <translation>
wird geschrieben oder aufgeräumt: %1</translation>
    </message>
    <message>
        <source>
not used again after an error: %1</source>
        <translation>
nach einem Fehler nicht mehr benutzt: %1</translation>
    </message>
    <message>
        <source>Each cell is a part of the backing device, line by line from its beginning. Point at a cell to see what is in it, choose it to see its blocks. The wheel or + and - zoom, dragging or Page Up and Page Down pan, Home shows all.</source>
        <translation>Jede Zelle ist ein Teil des Datenträgers, Zeile für Zeile vom Anfang an. Zeigen Sie auf eine Zelle, um zu sehen, was darin ist; wählen Sie sie, um ihre Blöcke zu sehen. Das Mausrad oder + und - vergrößern, Ziehen oder Bild auf und Bild ab verschieben, Pos1 zeigt alles.</translation>
    </message>
    <message>
        <source>
written just now</source>
        <translation>
gerade geschrieben</translation>
    </message>
    <message>
        <source>
emptied just now</source>
        <translation>
gerade geleert</translation>
    </message>
    <message>
        <source>Nothing to show: the device has no backing device, or there is no data yet</source>
        <translation>Nichts anzuzeigen: Das Gerät hat keinen Datenträger, oder es gibt noch keine Daten</translation>
    </message>
</context>
<context>
    <name>zpack::gui::DiskPage</name>
    <message>
        <source>free</source>
        <translation>frei</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <source>no</source>
        <translation>nein</translation>
    </message>
    <message>
        <source>Place</source>
        <translation>Ort</translation>
    </message>
    <message>
        <source>bytes from the beginning of the backing device</source>
        <translation>Bytes ab dem Anfang des Datenträgers</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>bytes of the block</source>
        <translation>Bytes des Blocks</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>what is with it</source>
        <translation>was mit ihm ist</translation>
    </message>
    <message>
        <source>Live</source>
        <translation>Lebendig</translation>
    </message>
    <message>
        <source>percent of its bytes that live objects and their headers take</source>
        <translation>Anteil der lebendigen Objekte mit ihren Köpfen an seinen Bytes, in Prozent</translation>
    </message>
    <message>
        <source>Age</source>
        <translation>Alter</translation>
    </message>
    <message>
        <source>since it was written</source>
        <translation>seit er geschrieben wurde</translation>
    </message>
    <message>
        <source>Cgroup</source>
        <translation>Cgroup</translation>
    </message>
    <message>
        <source>the cgroup whose pages it has; none: of several</source>
        <translation>die Cgroup, deren Seiten er hat; keine: mehrere</translation>
    </message>
    <message>
        <source>Written</source>
        <translation>Geschrieben</translation>
    </message>
    <message>
        <source>times that its place was written, modulo 65536</source>
        <translation>wie oft der Ort geschrieben wurde, modulo 65536</translation>
    </message>
    <message>
        <source>byte of the backing device where its header begins</source>
        <translation>Byte des Datenträgers, an dem der Kopf beginnt</translation>
    </message>
    <message>
        <source>Slot</source>
        <translation>Slot</translation>
    </message>
    <message>
        <source>number of the page on the swap device; none: not known</source>
        <translation>Nummer der Seite auf dem Swap-Gerät; keine: unbekannt</translation>
    </message>
    <message>
        <source>Bytes</source>
        <translation>Bytes</translation>
    </message>
    <message>
        <source>of the object; 4096: not compressed</source>
        <translation>des Objekts; 4096: nicht komprimiert</translation>
    </message>
    <message>
        <source>Compressed</source>
        <translation>Komprimiert</translation>
    </message>
    <message>
        <source>how</source>
        <translation>wie</translation>
    </message>
    <message>
        <source>live share</source>
        <translation>lebendiger Anteil</translation>
    </message>
    <message>
        <source>age</source>
        <translation>Alter</translation>
    </message>
    <message>
        <source>block size</source>
        <translation>Blockgröße</translation>
    </message>
    <message>
        <source>cgroup</source>
        <translation>Cgroup</translation>
    </message>
    <message>
        <source>What the colours say</source>
        <translation>Was die Farben sagen</translation>
    </message>
    <message>
        <source>mean</source>
        <translation>Mittel</translation>
    </message>
    <message>
        <source>smallest</source>
        <translation>kleinster</translation>
    </message>
    <message>
        <source>largest</source>
        <translation>größter</translation>
    </message>
    <message>
        <source>Of the blocks in a cell</source>
        <translation>Von den Blöcken einer Zelle</translation>
    </message>
    <message>
        <source>Show &amp;all</source>
        <translation>&amp;Alles zeigen</translation>
    </message>
    <message>
        <source>Blocks of the chosen cell</source>
        <translation>Blöcke der gewählten Zelle</translation>
    </message>
    <message>
        <source>Choose a cell of the map to see its blocks</source>
        <translation>Eine Zelle der Karte wählen, um ihre Blöcke zu sehen</translation>
    </message>
    <message>
        <source>Objects of the chosen block</source>
        <translation>Objekte des gewählten Blocks</translation>
    </message>
    <message>
        <source>Choose a block to see which pages live in it; it is read from the disk for that</source>
        <translation>Einen Block wählen, um zu sehen, welche Seiten darin leben; dafür wird er von der Platte gelesen</translation>
    </message>
    <message>
        <source>being written or cleaned</source>
        <translation>wird geschrieben oder aufgeräumt</translation>
    </message>
    <message>
        <source>bad</source>
        <translation>schlecht</translation>
    </message>
    <message>
        <source>others</source>
        <translation>andere</translation>
    </message>
    <message>
        <source>0 %</source>
        <translation>0 %</translation>
    </message>
    <message>
        <source>100 % live</source>
        <translation>100 % lebendig</translation>
    </message>
    <message>
        <source>new</source>
        <translation>neu</translation>
    </message>
    <message>
        <source>the oldest</source>
        <translation>der älteste</translation>
    </message>
    <message>
        <source>1 page</source>
        <translation>1 Seite</translation>
    </message>
    <message>
        <source>256 pages</source>
        <translation>256 Seiten</translation>
    </message>
    <message>
        <source>several, or none</source>
        <translation>mehrere oder keine</translation>
    </message>
    <message>
        <source>gone: %1</source>
        <translation>nicht mehr da: %1</translation>
    </message>
    <message>
        <source>%1 from %2 on, of %3; each cell is %4</source>
        <translation>%1 ab %2, von %3; jede Zelle ist %4</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>being written</source>
        <translation>wird geschrieben</translation>
    </message>
    <message>
        <source>live</source>
        <translation>lebendig</translation>
    </message>
    <message>
        <source>being cleaned</source>
        <translation>wird aufgeräumt</translation>
    </message>
    <message>
        <source>bad: a write failed</source>
        <translation>schlecht: ein Schreibzugriff ist gescheitert</translation>
    </message>
    <message>
        <source>can&apos;t be cleaned: a read failed</source>
        <translation>kann nicht aufgeräumt werden: ein Lesezugriff ist gescheitert</translation>
    </message>
    <message>
        <source>Which value a cell has that stands for several blocks</source>
        <translation>Welchen Wert eine Zelle hat, die für mehrere Blöcke steht</translation>
    </message>
    <message>
        <source>Point at a cell to see what is in it</source>
        <translation>Zeigen Sie auf eine Zelle, um zu sehen, was darin ist</translation>
    </message>
    <message>
        <source>The whole backing device (Home)</source>
        <translation>Der ganze Datenträger (Pos1)</translation>
    </message>
    <message>
        <source>Co&amp;lour:</source>
        <translation>&amp;Farbe:</translation>
    </message>
    <message>
        <source>just written</source>
        <translation>gerade geschrieben</translation>
    </message>
    <message>
        <source>just emptied</source>
        <translation>gerade geleert</translation>
    </message>
</context>
<context>
    <name>zpack::gui::EventLog</name>
    <message>
        <source>the device was set up anew</source>
        <translation>das Gerät wurde neu eingerichtet</translation>
    </message>
    <message>
        <source>tuner: %1 %2 -&gt; %3: %4</source>
        <translation>Tuner: %1 %2 -&gt; %3: %4</translation>
    </message>
    <message>
        <source>tuner advises: %1 %2 -&gt; %3: %4</source>
        <translation>Tuner rät: %1 %2 -&gt; %3: %4</translation>
    </message>
    <message>
        <source>tuner failed: %1 %2 -&gt; %3: %4</source>
        <translation>Tuner scheiterte: %1 %2 -&gt; %3: %4</translation>
    </message>
    <message>
        <source>%1 pages lost: what was read is not what was written</source>
        <translation>%1 Seiten verloren: gelesen wurde nicht, was geschrieben war</translation>
    </message>
    <message>
        <source>%1 pages lost: the backing device could not read them</source>
        <translation>%1 Seiten verloren: der Datenträger konnte sie nicht lesen</translation>
    </message>
    <message>
        <source>%1 blocks could not be written; nothing is lost</source>
        <translation>%1 Blöcke konnten nicht geschrieben werden; nichts ist verloren</translation>
    </message>
    <message>
        <source>%1 blocks could not be cleaned: not readable, or damaged</source>
        <translation>%1 Blöcke konnten nicht aufgeräumt werden: unlesbar oder beschädigt</translation>
    </message>
    <message>
        <source>the backing device was full, %1 times</source>
        <translation>der Datenträger war %1-mal voll</translation>
    </message>
    <message>
        <source>the write budget was used up, %1 times</source>
        <translation>das Schreibbudget war %1-mal aufgebraucht</translation>
    </message>
    <message>
        <source>%1 pages were refused: pool and backing device were full</source>
        <translation>%1 Seiten wurden abgelehnt: Pool und Datenträger waren voll</translation>
    </message>
    <message>
        <source>%1 pages were refused: there was no memory</source>
        <translation>%1 Seiten wurden abgelehnt: es gab keinen Speicher</translation>
    </message>
</context>
<context>
    <name>zpack::gui::EventsPage</name>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>when it was noticed</source>
        <translation>wann es bemerkt wurde</translation>
    </message>
    <message>
        <source>Host</source>
        <translation>Rechner</translation>
    </message>
    <message>
        <source>where</source>
        <translation>wo</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>which one</source>
        <translation>welches</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Was</translation>
    </message>
    <message>
        <source>what happened</source>
        <translation>was geschehen ist</translation>
    </message>
    <message>
        <source>Severity</source>
        <translation>Schwere</translation>
    </message>
    <message>
        <source>the worst first</source>
        <translation>das Schlimmste zuerst</translation>
    </message>
    <message>
        <source>what was looked at</source>
        <translation>was angesehen wurde</translation>
    </message>
    <message>
        <source>What to do</source>
        <translation>Was zu tun ist</translation>
    </message>
    <message>
        <source>empty: nothing</source>
        <translation>leer: nichts</translation>
    </message>
    <message>
        <source>&amp;Look again</source>
        <translation>&amp;Noch einmal nachsehen</translation>
    </message>
    <message>
        <source>&lt;b&gt;Since the dashboard was started&lt;/b&gt;</source>
        <translation>&lt;b&gt;Seit dem Start dieses Programms&lt;/b&gt;</translation>
    </message>
    <message>
        <source>Events</source>
        <translation>Ereignisse</translation>
    </message>
    <message>
        <source>Nothing has happened yet</source>
        <translation>Noch ist nichts geschehen</translation>
    </message>
    <message>
        <source>&lt;b&gt;What the doctor finds on this machine&lt;/b&gt;</source>
        <translation>&lt;b&gt;Was der Doktor auf diesem Rechner findet&lt;/b&gt;</translation>
    </message>
    <message>
        <source>Findings</source>
        <translation>Befunde</translation>
    </message>
    <message>
        <source>The doctor was not asked yet</source>
        <translation>Der Doktor wurde noch nicht gefragt</translation>
    </message>
    <message>
        <source>fine</source>
        <translation>in Ordnung</translation>
    </message>
    <message>
        <source>note</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <source>warning</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <source>error</source>
        <translation>Fehler</translation>
    </message>
</context>
<context>
    <name>zpack::gui::MainWindow</name>
    <message>
        <source>zpack</source>
        <translation>zpack</translation>
    </message>
    <message>
        <source>Hosts and devices</source>
        <translation>Rechner und Geräte</translation>
    </message>
    <message>
        <source>Overview</source>
        <translation>Überblick</translation>
    </message>
    <message>
        <source>Pool</source>
        <translation>Pool</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>Platte</translation>
    </message>
    <message>
        <source>Cgroups</source>
        <translation>Cgroups</translation>
    </message>
    <message>
        <source>Tuning</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Events</source>
        <translation>Ereignisse</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Connect...</source>
        <translation>&amp;Verbinden ...</translation>
    </message>
    <message>
        <source>&amp;Disconnect</source>
        <translation>&amp;Trennen</translation>
    </message>
    <message>
        <source>Save view as &amp;picture...</source>
        <translation>Ansicht als &amp;Bild speichern ...</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>B&amp;eenden</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <source>Colours of the &amp;desktop</source>
        <translation>Farben der &amp;Arbeitsumgebung</translation>
    </message>
    <message>
        <source>&amp;Light colours</source>
        <translation>&amp;Helle Farben</translation>
    </message>
    <message>
        <source>Dar&amp;k colours</source>
        <translation>&amp;Dunkle Farben</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <source>&amp;About</source>
        <translation>&amp;Über</translation>
    </message>
    <message>
        <source>connecting</source>
        <translation>Verbindung wird aufgebaut</translation>
    </message>
    <message>
        <source>connected, zpackd %1</source>
        <translation>verbunden, zpackd %1</translation>
    </message>
    <message>
        <source>%1 (no connection)</source>
        <translation>%1 (keine Verbindung)</translation>
    </message>
    <message>
        <source>no connection: %1</source>
        <translation>keine Verbindung: %1</translation>
    </message>
    <message>
        <source>Connecting</source>
        <translation>Verbindung wird aufgebaut</translation>
    </message>
    <message>
        <source>No connection: %1</source>
        <translation>Keine Verbindung: %1</translation>
    </message>
    <message>
        <source>SIMULATION: nothing that is shown is real memory</source>
        <translation>SIMULATION: nichts davon ist echter Speicher</translation>
    </message>
    <message>
        <source>No host: use File, Connect</source>
        <translation>Kein Rechner: Datei, Verbinden</translation>
    </message>
    <message>
        <source>No device there; zpackctl create makes one</source>
        <translation>Dort ist kein Gerät; zpackctl create legt eines an</translation>
    </message>
    <message>
        <source>no data</source>
        <translation>keine Daten</translation>
    </message>
    <message>
        <source>data of %1, %2 s old</source>
        <translation>Daten von %1, %2 s alt</translation>
    </message>
    <message>
        <source>Save view as picture</source>
        <translation>Ansicht als Bild speichern</translation>
    </message>
    <message>
        <source>PNG (*.png)</source>
        <translation>PNG (*.png)</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>CSV (*.csv)</source>
        <translation>CSV (*.csv)</translation>
    </message>
    <message>
        <source>What the device holds, what it takes, and how fast it is</source>
        <translation>Was das Gerät enthält, was es dafür braucht und wie schnell es ist</translation>
    </message>
    <message>
        <source>The compressed pages in RAM</source>
        <translation>Die komprimierten Seiten im RAM</translation>
    </message>
    <message>
        <source>What is where on the backing device</source>
        <translation>Was wo auf dem Datenträger liegt</translation>
    </message>
    <message>
        <source>Whose pages these are</source>
        <translation>Wessen Seiten es sind</translation>
    </message>
    <message>
        <source>Settings, and what the tuner advises</source>
        <translation>Einstellungen und was der Tuner rät</translation>
    </message>
    <message>
        <source>Failures, pauses, decisions; what the doctor finds</source>
        <translation>Fehler, Pausen, Entscheidungen; was der Doktor findet</translation>
    </message>
    <message>
        <source>&amp;Try again now</source>
        <translation>&amp;Jetzt wieder versuchen</translation>
    </message>
    <message>
        <source>Save data as C&amp;SV...</source>
        <translation>Daten als C&amp;SV speichern ...</translation>
    </message>
    <message>
        <source>&amp;Keys</source>
        <translation>&amp;Tasten</translation>
    </message>
    <message>
        <source>Ctrl+1 ... Ctrl+6</source>
        <translation>Strg+1 ... Strg+6</translation>
    </message>
    <message>
        <source>the views</source>
        <translation>die Ansichten</translation>
    </message>
    <message>
        <source>Ctrl+N, F5</source>
        <translation>Strg+N, F5</translation>
    </message>
    <message>
        <source>connect to a host; try a lost connection again now</source>
        <translation>mit einem Rechner verbinden; eine verlorene Verbindung jetzt wieder versuchen</translation>
    </message>
    <message>
        <source>Ctrl+P, Ctrl+S</source>
        <translation>Strg+P, Strg+S</translation>
    </message>
    <message>
        <source>save the view as a picture, its data as CSV</source>
        <translation>die Ansicht als Bild speichern, ihre Daten als CSV</translation>
    </message>
    <message>
        <source>Left, Right</source>
        <translation>links, rechts</translation>
    </message>
    <message>
        <source>in a chart: read the values of another moment, in all charts; Esc: now</source>
        <translation>in einem Diagramm: Werte eines anderen Zeitpunkts lesen, in allen Diagrammen; Esc: jetzt</translation>
    </message>
    <message>
        <source>arrows</source>
        <translation>Pfeiltasten</translation>
    </message>
    <message>
        <source>in the map: choose a cell</source>
        <translation>in der Karte: eine Zelle wählen</translation>
    </message>
    <message>
        <source>+, -, Page Up, Page Down, Home</source>
        <translation>+, -, Bild auf, Bild ab, Pos1</translation>
    </message>
    <message>
        <source>in the map: zoom, pan, show all</source>
        <translation>in der Karte: vergrößern, verschieben, alles zeigen</translation>
    </message>
    <message>
        <source>F2</source>
        <translation>F2</translation>
    </message>
    <message>
        <source>in Tuning: a new value; or just type</source>
        <translation>unter Tuning: ein neuer Wert; oder einfach tippen</translation>
    </message>
    <message>
        <source>Alt+C, Alt+A, Alt+R</source>
        <translation>Alt+P, Alt+A, Alt+Z</translation>
    </message>
    <message>
        <source>in Tuning: check, apply, revert</source>
        <translation>unter Tuning: prüfen, anwenden, zurücknehmen</translation>
    </message>
    <message>
        <source>Shift+F1</source>
        <translation>Umschalt+F1</translation>
    </message>
    <message>
        <source>what is this: then click on it</source>
        <translation>Was ist das: danach darauf klicken</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>Tasten</translation>
    </message>
    <message>
        <source>&lt;b&gt;zpack&lt;/b&gt;: compressed swap, packed on disk.&lt;br&gt;Dashboard %1, Qt %2, gRPC %3. GPL-3.0-or-later.</source>
        <translation>&lt;b&gt;zpack&lt;/b&gt;: komprimierter Swap, gepackt auf der Platte.&lt;br&gt;Dashboard %1, Qt %2, gRPC %3. GPL-3.0-or-later.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>%1: zpackd %2, module %3, kernel %4.</source>
        <translation>%1: zpackd %2, Modul %3, Kernel %4.</translation>
    </message>
    <message>
        <source>About zpack</source>
        <translation>Über zpack</translation>
    </message>
    <message>
        <source>%1 held in %2 of RAM and %3 of disk</source>
        <translation>%1 in %2 RAM und %3 Platte</translation>
    </message>
    <message>
        <source>It is tried again in %1 s; F5: now</source>
        <translation>Neuer Versuch in %1 s; F5: jetzt</translation>
    </message>
    <message>
        <source>It is tried again now</source>
        <translation>Jetzt wird es wieder versucht</translation>
    </message>
    <message>
        <source>Saved: %1</source>
        <translation>Gespeichert: %1</translation>
    </message>
    <message>
        <source>Save data as CSV</source>
        <translation>Daten als CSV speichern</translation>
    </message>
</context>
<context>
    <name>zpack::gui::OverviewPage</name>
    <message>
        <source>Time from a read&apos;s arrival to its end, of the reads of the last second; of pages in RAM and on the backing device together</source>
        <translation>Zeit von der Ankunft eines Lesezugriffs bis zu seinem Ende, von denen der letzten Sekunde; Seiten im RAM und auf dem Datenträger zusammen</translation>
    </message>
    <message>
        <source>1 minute</source>
        <translation>1 Minute</translation>
    </message>
    <message>
        <source>5 minutes</source>
        <translation>5 Minuten</translation>
    </message>
    <message>
        <source>1 hour</source>
        <translation>1 Stunde</translation>
    </message>
    <message>
        <source>Time shown</source>
        <translation>Gezeigte Zeit</translation>
    </message>
    <message>
        <source>Pages held, before compression</source>
        <translation>Gehaltene Seiten, vor der Kompression</translation>
    </message>
    <message>
        <source>in RAM</source>
        <translation>im RAM</translation>
    </message>
    <message>
        <source>on disk</source>
        <translation>auf der Platte</translation>
    </message>
    <message>
        <source>same-filled</source>
        <translation>gleichförmig</translation>
    </message>
    <message>
        <source>What they take</source>
        <translation>Was sie brauchen</translation>
    </message>
    <message>
        <source>pool</source>
        <translation>Pool</translation>
    </message>
    <message>
        <source>its limit</source>
        <translation>seine Grenze</translation>
    </message>
    <message>
        <source>disk</source>
        <translation>Platte</translation>
    </message>
    <message>
        <source>Pages stored and read</source>
        <translation>Gespeicherte und gelesene Seiten</translation>
    </message>
    <message>
        <source>stored</source>
        <translation>gespeichert</translation>
    </message>
    <message>
        <source>read</source>
        <translation>gelesen</translation>
    </message>
    <message>
        <source>of them from disk</source>
        <translation>davon von der Platte</translation>
    </message>
    <message>
        <source>Disk traffic</source>
        <translation>Verkehr mit der Platte</translation>
    </message>
    <message>
        <source>written</source>
        <translation>geschrieben</translation>
    </message>
    <message>
        <source>cleaned</source>
        <translation>aufgeräumt</translation>
    </message>
    <message>
        <source>Time that a read took</source>
        <translation>Dauer eines Lesezugriffs</translation>
    </message>
    <message>
        <source>half less than</source>
        <translation>die Hälfte unter</translation>
    </message>
    <message>
        <source>99 %</source>
        <translation>99 %</translation>
    </message>
    <message>
        <source>99.9 %</source>
        <translation>99,9 %</translation>
    </message>
    <message>
        <source>Time that some or all tasks of the host wait (PSI)</source>
        <translation>Zeit, in der manche oder alle Aufgaben des Rechners warten (PSI)</translation>
    </message>
    <message>
        <source>memory, some</source>
        <translation>Speicher, manche</translation>
    </message>
    <message>
        <source>memory, all</source>
        <translation>Speicher, alle</translation>
    </message>
    <message>
        <source>I/O, some</source>
        <translation>E/A, manche</translation>
    </message>
    <message>
        <source>I/O, all</source>
        <translation>E/A, alle</translation>
    </message>
    <message>
        <source>No data yet</source>
        <translation>Noch keine Daten</translation>
    </message>
    <message>
        <source>&lt;b&gt;%1&lt;/b&gt; held of %2: %3 in RAM, %4 packed on disk, %5 same-filled. They take %6 of RAM and %7 of disk%8.</source>
        <translation>&lt;b&gt;%1&lt;/b&gt; gehalten von %2: %3 im RAM, %4 gepackt auf der Platte, %5 gleichförmig. Sie brauchen %6 RAM und %7 Platte%8.</translation>
    </message>
    <message>
        <source>: %1 times less</source>
        <translation>: %1-mal weniger</translation>
    </message>
    <message>
        <source>Read latency: nothing was read yet</source>
        <translation>Lesedauer: noch wurde nichts gelesen</translation>
    </message>
    <message>
        <source>Read latency%1: half took less than %2, 99 % less than %3, 99.9 % less than %4</source>
        <translation>Lesedauer%1: die Hälfte unter %2, 99 % unter %3, 99,9 % unter %4</translation>
    </message>
    <message>
        <source>, %1 ago</source>
        <translation>, vor %1</translation>
    </message>
    <message>
        <source>1 day</source>
        <translation>1 Tag</translation>
    </message>
    <message>
        <source>How much of the time since the dashboard was started is shown</source>
        <translation>Wie viel der Zeit seit dem Start gezeigt wird</translation>
    </message>
    <message>
        <source>Pages a second</source>
        <translation>Seiten je Sekunde</translation>
    </message>
    <message>
        <source>From a read&apos;s arrival to its end; the scale is logarithmic</source>
        <translation>Von der Ankunft eines Lesens bis zu seinem Ende; die Skala ist logarithmisch</translation>
    </message>
</context>
<context>
    <name>zpack::gui::PoolPage</name>
    <message>
        <source>Objects by size</source>
        <translation>Objekte nach Größe</translation>
    </message>
    <message>
        <source>objects</source>
        <translation>Objekte</translation>
    </message>
    <message>
        <source>Objects by age</source>
        <translation>Objekte nach Alter</translation>
    </message>
    <message>
        <source>Size up to</source>
        <translation>Größe bis</translation>
    </message>
    <message>
        <source>bytes of an object, at most</source>
        <translation>Bytes eines Objekts, höchstens</translation>
    </message>
    <message>
        <source>Objects</source>
        <translation>Objekte</translation>
    </message>
    <message>
        <source>how many there are in RAM</source>
        <translation>wie viele im RAM sind</translation>
    </message>
    <message>
        <source>Used</source>
        <translation>Benutzt</translation>
    </message>
    <message>
        <source>bytes of these objects</source>
        <translation>Bytes dieser Objekte</translation>
    </message>
    <message>
        <source>Slack</source>
        <translation>Verschnitt</translation>
    </message>
    <message>
        <source>bytes that they would take more if each had the size of its class</source>
        <translation>Bytes, die sie mehr brauchen würden, wenn jedes die Größe seiner Klasse hätte</translation>
    </message>
    <message>
        <source>Share</source>
        <translation>Anteil</translation>
    </message>
    <message>
        <source>percent of all objects&apos; bytes</source>
        <translation>Prozent der Bytes aller Objekte</translation>
    </message>
    <message>
        <source>Size classes</source>
        <translation>Größenklassen</translation>
    </message>
    <message>
        <source>There are no objects in RAM</source>
        <translation>Im RAM sind keine Objekte</translation>
    </message>
    <message>
        <source>No data yet</source>
        <translation>Noch keine Daten</translation>
    </message>
    <message>
        <source>The pool is empty: there are no compressed pages in RAM.</source>
        <translation>Der Pool ist leer: im RAM sind keine komprimierten Seiten.</translation>
    </message>
    <message>
        <source>%1 B</source>
        <translation>%1 B</translation>
    </message>
    <message>
        <source>more</source>
        <translation>mehr</translation>
    </message>
    <message>
        <source>What the pool&apos;s memory is</source>
        <translation>Woraus der Speicher des Pools besteht</translation>
    </message>
    <message>
        <source>Compressed pages in RAM, by their bytes</source>
        <translation>Komprimierte Seiten im RAM nach ihren Bytes</translation>
    </message>
    <message>
        <source>The pool takes %1 for %2 of objects: &lt;b&gt;fragmentation %3&lt;/b&gt;. That is the memory of its pages that no object is in. Each object gets a place of a fixed size that is a little larger than itself, and freed objects leave holes until the kernel compacts the pool.</source>
        <translation>Der Pool braucht %1 für %2 an Objekten: &lt;b&gt;Fragmentierung %3&lt;/b&gt;. Das ist der Speicher seiner Seiten, in dem kein Objekt ist. Jedes Objekt bekommt einen Platz fester Größe, der etwas größer ist als es selbst, und freigegebene Objekte hinterlassen Löcher, bis der Kernel den Pool verdichtet.</translation>
    </message>
    <message>
        <source>rounding up of sizes</source>
        <translation>Aufrunden der Größen</translation>
    </message>
    <message>
        <source>holes and what else is empty</source>
        <translation>Löcher und was sonst leer ist</translation>
    </message>
</context>
<context>
    <name>zpack::gui::SettingsModel</name>
    <message>
        <source>%1: &apos;%2&apos; is not understood; use %3</source>
        <translation>%1: „%2“ wird nicht verstanden; möglich ist %3</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>Einstellung</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>Jetzt</translation>
    </message>
    <message>
        <source>New value</source>
        <translation>Neuer Wert</translation>
    </message>
    <message>
        <source>This device does not have it. %1</source>
        <translation>Dieses Gerät hat sie nicht. %1</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>Was sie bewirkt</translation>
    </message>
</context>
<context>
    <name>zpack::gui::TuningPage</name>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>when it was made</source>
        <translation>wann sie getroffen wurde</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>Einstellung</translation>
    </message>
    <message>
        <source>of the device</source>
        <translation>des Geräts</translation>
    </message>
    <message>
        <source>From</source>
        <translation>Von</translation>
    </message>
    <message>
        <source>the value before</source>
        <translation>der Wert davor</translation>
    </message>
    <message>
        <source>To</source>
        <translation>Auf</translation>
    </message>
    <message>
        <source>the value after</source>
        <translation>der Wert danach</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Getan</translation>
    </message>
    <message>
        <source>whether the tuner has carried it out</source>
        <translation>ob der Tuner sie ausgeführt hat</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>Warum</translation>
    </message>
    <message>
        <source>its reason</source>
        <translation>sein Grund</translation>
    </message>
    <message>
        <source>Decisions of the tuner</source>
        <translation>Entscheidungen des Tuners</translation>
    </message>
    <message>
        <source>The tuner has decided nothing yet. While it advises, what it would do is listed here.</source>
        <translation>Der Tuner hat noch nichts entschieden. Wenn er berät, steht hier, was er tun würde.</translation>
    </message>
    <message>
        <source>Choose a setting to read what it does; type to change it.</source>
        <translation>Eine Einstellung wählen, um zu lesen, was sie tut; schreiben, um sie zu ändern.</translation>
    </message>
    <message>
        <source>&amp;Check</source>
        <translation>&amp;Prüfen</translation>
    </message>
    <message>
        <source>&amp;Apply</source>
        <translation>&amp;Anwenden</translation>
    </message>
    <message>
        <source>&amp;Revert</source>
        <translation>&amp;Zurücknehmen</translation>
    </message>
    <message>
        <source>&amp;Use this advice</source>
        <translation>&amp;Diesem Rat folgen</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Ask zpackd whether it would accept the new values; nothing is changed</source>
        <translation>zpackd fragen, ob es die neuen Werte annehmen würde; nichts wird geändert</translation>
    </message>
    <message>
        <source>Change the settings: all of them, or none if one is refused</source>
        <translation>Die Einstellungen ändern: alle, oder keine, wenn eine abgelehnt wird</translation>
    </message>
    <message>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <source>advises</source>
        <translation>rät</translation>
    </message>
    <message>
        <source>on</source>
        <translation>an</translation>
    </message>
    <message>
        <source>Tuner</source>
        <translation>Tuner</translation>
    </message>
    <message>
        <source>This connection may only look. Use /run/zpackd/admin.sock as a member of its group, or a certificate with the role admin.</source>
        <translation>Diese Verbindung darf nur ansehen. Dafür /run/zpackd/admin.sock als Mitglied seiner Gruppe benutzen, oder ein Zertifikat mit der Rolle admin.</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>ja</translation>
    </message>
    <message>
        <source>no</source>
        <translation>nein</translation>
    </message>
    <message>
        <source>%1 can&apos;t be set here</source>
        <translation>%1 kann hier nicht gesetzt werden</translation>
    </message>
    <message>
        <source>The tuner is told, until zpackd ends.</source>
        <translation>Der Tuner weiß es, bis zpackd endet.</translation>
    </message>
    <message>
        <source>Type to give the chosen setting another value, or press F2. New values are sent with Apply.</source>
        <translation>Tippen Sie, um der gewählten Einstellung einen anderen Wert zu geben, oder drücken Sie F2. Neue Werte werden mit Anwenden gesendet.</translation>
    </message>
    <message>
        <source>off; says what it would do; or does it</source>
        <translation>aus; sagt, was er täte; oder tut es</translation>
    </message>
    <message>
        <source>Make the chosen advice a new value, which Apply sends</source>
        <translation>Den gewählten Rat zum neuen Wert machen, den Anwenden sendet</translation>
    </message>
    <message>
        <source>&amp;Tuner:</source>
        <translation>&amp;Tuner:</translation>
    </message>
    <message>
        <source>As before the last change: %1. Apply makes it so.</source>
        <translation>Wie vor der letzten Änderung: %1. Anwenden führt es aus.</translation>
    </message>
    <message>
        <source>The settings are as they were before the last change.</source>
        <translation>Die Einstellungen sind, wie sie vor der letzten Änderung waren.</translation>
    </message>
    <message>
        <source>&amp;Revert the last change</source>
        <translation>Letzte Änderung &amp;zurücknehmen</translation>
    </message>
    <message>
        <source>Forget the new values</source>
        <translation>Die neuen Werte vergessen</translation>
    </message>
    <message>
        <source>Make what was before the new values</source>
        <translation>Was vorher war, zu den neuen Werten machen</translation>
    </message>
    <message>
        <source>The advice is a new value now: %1. Apply makes it so.</source>
        <translation>Der Rat ist jetzt ein neuer Wert: %1. Anwenden führt es aus.</translation>
    </message>
    <message>
        <source>zpackd would accept %1; nothing is changed yet</source>
        <translation>zpackd würde annehmen: %1; noch ist nichts geändert</translation>
    </message>
    <message>
        <source>Changed: %1</source>
        <translation>Geändert: %1</translation>
    </message>
</context>
</TS>
