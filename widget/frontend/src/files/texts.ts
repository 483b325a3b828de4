/** What is said of files; the build puts these beside the chat's own words in static/widget/texts.json. */

const en = {
  fileAttach: 'Attach a file',
  fileTray: 'Files to send',
  fileRemove: 'Remove {name}',
  fileRetry: 'Try again: {name}',
  fileSending: '{n} %',
  fileReady: 'Ready to send',
  fileWaiting: 'Waits for the connection',
  fileSoon: 'It is sent as soon as its files are up.',
  fileDrop: 'Drop it here to send it',
  filePhoto: 'Photo {name}',
  fileTooLarge: 'Too large: at most {n} MB.',
  fileKind: 'Files of this kind are not taken here.',
  fileBroken: 'It can’t be read, or it isn’t what its name says.',
  fileTooMany: 'At most {n} files in one message.',
  fileFull: 'This conversation takes no more files.',
  fileFast: 'A little fast. Please try again in a moment.',
  fileOff: 'Files can’t be sent here any more.',
  fileFailed: 'It could not be sent up.',
};

export type FileText = keyof typeof en;

const de: Record<FileText, string> = {
  fileAttach: 'Datei anhängen',
  fileTray: 'Dateien zum Senden',
  fileRemove: '{name} entfernen',
  fileRetry: 'Erneut versuchen: {name}',
  fileSending: '{n} %',
  fileReady: 'Bereit zum Senden',
  fileWaiting: 'Wartet auf die Verbindung',
  fileSoon: 'Wird gesendet, sobald die Dateien oben sind.',
  fileDrop: 'Zum Senden hier ablegen',
  filePhoto: 'Foto {name}',
  fileTooLarge: 'Zu groß: höchstens {n} MB.',
  fileKind: 'Dateien dieser Art werden hier nicht angenommen.',
  fileBroken: 'Sie lässt sich nicht lesen oder ist nicht, was ihr Name sagt.',
  fileTooMany: 'Höchstens {n} Dateien in einer Nachricht.',
  fileFull: 'Diese Unterhaltung nimmt keine weiteren Dateien an.',
  fileFast: 'Etwas schnell. Bitte versuchen Sie es gleich noch einmal.',
  fileOff: 'Hier können keine Dateien mehr gesendet werden.',
  fileFailed: 'Sie konnte nicht hochgeladen werden.',
};

export const LOCALES: Record<string, Record<FileText, string>> = { en, de };
