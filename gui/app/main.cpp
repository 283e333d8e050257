// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/main_window.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

#include <algorithm>
#include <string_view>

int main(int argc, char** argv)
{
    // What only prints needs no screen.
    if (std::any_of(argv, argv + argc, [](std::string_view word) {
            return word == "--version" || word == "-v" || word == "--help" || word == "-h" || word == "--help-all";
        }))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication app(argc, argv);
    QApplication::setApplicationName(QStringLiteral("zpack-dashboard"));
    QApplication::setOrganizationName(QStringLiteral("zpack"));
    QApplication::setApplicationVersion(QStringLiteral(ZPACK_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("io.github.zpack.Dashboard"));
    QTranslator of_qt; // "Cancel", the dialogues for files
    if (of_qt.load(QLocale(), QStringLiteral("qtbase"), QStringLiteral("_"), QLibraryInfo::path(QLibraryInfo::TranslationsPath)))
        QApplication::installTranslator(&of_qt);
    QTranslator translator;
    if (translator.load(QLocale(), QStringLiteral("zpack-dashboard"), QStringLiteral("_"), QStringLiteral(":/translations")))
        QApplication::installTranslator(&translator);

    QCommandLineParser parser;
    parser.setApplicationDescription(QApplication::translate("main", "Shows what zpack does, and tunes it."));
    parser.addHelpOption();
    parser.addVersionOption();
    QCommandLineOption const socket(QStringLiteral("socket"),
        QApplication::translate("main", "Connect to the zpackd at this Unix socket only; may be given several times."),
        QStringLiteral("path"));
    QCommandLineOption const host(QStringLiteral("host"),
        QApplication::translate("main", "Connect to the zpackd of this machine, NAME or NAME:PORT; may be given several times. "
                                        "Needs --ca, --cert and --key."),
        QStringLiteral("name"));
    QCommandLineOption const ca(QStringLiteral("ca"),
        QApplication::translate("main", "Of --host: who signed its certificate."), QStringLiteral("file"));
    QCommandLineOption const certificate(QStringLiteral("cert"),
        QApplication::translate("main", "Of --host: your certificate."), QStringLiteral("file"));
    QCommandLineOption const key(QStringLiteral("key"), QApplication::translate("main", "Of --host: your key."),
        QStringLiteral("file"));
    QCommandLineOption const page(QStringLiteral("page"),
        QApplication::translate("main", "Show this view first: overview, pool, disk, cgroups, tuning or events."),
        QStringLiteral("name"));
    parser.addOptions({ socket, host, ca, certificate, key, page });
    parser.process(app);

    zpack::gui::MainWindow window;
    for (auto const& path : parser.values(socket))
        window.add_host(path, { .socket = path.toStdString(), .host = {}, .ca = {}, .certificate = {}, .key = {} }, false);
    if (parser.isSet(host) && !(parser.isSet(ca) && parser.isSet(certificate) && parser.isSet(key))) {
        qCritical("--host needs --ca, --cert and --key: the files of the connection's certificates");
        return 2;
    }
    for (auto const& name : parser.values(host))
        window.add_host(name,
            { .socket = {},
                .host = name.toStdString(),
                .ca = parser.value(ca).toStdString(),
                .certificate = parser.value(certificate).toStdString(),
                .key = parser.value(key).toStdString() },
            false);
    if (!parser.isSet(socket) && !parser.isSet(host) && !window.restore_hosts())
        window.add_host(QApplication::translate("main", "this machine"), {}, true);
    if (parser.isSet(page)) {
        QStringList const names { QStringLiteral("overview"), QStringLiteral("pool"), QStringLiteral("disk"),
            QStringLiteral("cgroups"), QStringLiteral("tuning"), QStringLiteral("events") };
        auto const number = names.indexOf(parser.value(page));
        if (number < 0) {
            qCritical("unknown view '%s': use one of %s", qPrintable(parser.value(page)), qPrintable(names.join(QStringLiteral(", "))));
            return 2;
        }
        window.show_page(static_cast<int>(number));
    }
    window.show();
    return QApplication::exec();
}
